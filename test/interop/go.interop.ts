// test-limit-ms: 600000
import { join } from "node:path";
import { clientSuite } from "./client-suite.ts";
import { copyExample } from "./example-copy.ts";
import { testLies } from "./lies.ts";
import { testOpenCredentials } from "./open-credentials.ts";

const MODULES = { version: "v2", modules: [{ path: "test/interop/proto" }, { path: "dist/proto" }] };

const { test, session } = clientSuite({
  language: "go",
  programs: ["go", "gofmt"],
  refusals: true,
  grpcCases: true,
  protovalidate: true,

  async build(folder) {
    const copy = await copyExample("go", folder);
    const checker = join(folder, "checker");
    await copy.run(`${copy.readme[0]}
      npx buf generate ../.. --path ../../test/interop/proto/interop/v1 --config '${JSON.stringify(MODULES)}'
      cd ../../test/interop/go
      go vet .
      go build -o '${checker}' .
      unformatted=$(gofmt -l . ../../../examples/go)
      test -z "$unformatted" || { echo "gofmt would change $unformatted" >&2; exit 1; }`);
    return { checker: [checker], example: copy.example };
  },
});

testLies(test, session, { hidesContradictions: true });
testOpenCredentials(test, session);

test.run();
