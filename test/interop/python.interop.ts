// test-limit-ms: 600000
import { delimiter, join } from "node:path";
import { clientSuite } from "./client-suite.ts";
import { copyExample } from "./example-copy.ts";
import { testLies } from "./lies.ts";
import { testOpenCredentials } from "./open-credentials.ts";

const { test, session } = clientSuite({
  language: "python",
  programs: ["python3"],
  refusals: true,
  grpcCases: true,
  protovalidate: true,

  async build(folder) {
    const copy = await copyExample("python", folder);
    await copy.run(`${copy.readme[0]}
      pip install --quiet -r ../../test/interop/python/requirements.txt
      python3 -m grpc_tools.protoc -I ../../test/interop/proto -I ../../dist/proto --python_out=gen \
        ../../test/interop/proto/interop/v1/*.proto`);
    const paths = [join(copy.path, "gen"), copy.path].join(delimiter);
    const python = join(copy.path, ".venv", "bin", "python3");
    const checker = ["env", `PYTHONPATH=${paths}`, python, join(folder, "test/interop/python/checker.py")];
    return { checker, example: copy.example };
  },
});

testLies(test, session);
testOpenCredentials(test, session);

test.run();
