import { writeCredentials } from "../../../src/signing/key-ring/credentials.ts";
import { startServer } from "../../support/running-server.ts";
import { assert, suite } from "../../support/suite.ts";
import { inFolder, run } from "../cli-run.ts";

const test = suite("cli/input/called-address");

const REFUSED: readonly (readonly [readonly string[], string, string])[] = [
  [["--address", "foo"], '--address "foo" names no port.', "Give HOST:PORT, such as foo:50051."],
  [["--address", "[::1]"], '--address "[::1]" names no port.', "Give HOST:PORT, such as [::1]:50051."],
  [["--address", "a:1, b"], '--address "b" names no port.', "Give HOST:PORT, such as b:50051."],
  [["--address", "https://host:1"], '--address "https://host:1" is a URL.', "Give HOST:PORT alone: host:1 with --tls."],
  [["--address", "https://h:1/x", "--tls"], '--address "https://h:1/x" is a URL.', "Give HOST:PORT alone: h:1."],
  [["--address", "http://[::1]:1"], '--address "http://[::1]:1" is a URL.', "Give HOST:PORT alone: [::1]:1."],
  [
    ["--address", "host.test:1"],
    "host.test:1 is a remote address, and no option enables TLS.",
    "Give --tls or --tls-ca FILE, or --insecure to send everything unencrypted.",
  ],
];

test("an address that cannot be called is refused in the words of the command line", () =>
  inFolder(async () => {
    await using server = await startServer();
    await writeCredentials("client.json", server.credentials());
    for (const [args, what, toDo] of REFUSED) {
      for (const command of [["tools", "--credentials", "client.json"], ["health"]]) {
        const { code, stderr } = await run([...command, ...args]);
        assert.equal([code, stderr], [2, `error: ${what}\n  try: ${toDo}\n`], args.join(" "));
      }
    }
    const { stderr } = await run(["health"], { env: { SEALWIRE_ADDRESS: "foo" } });
    assert.match(stderr, /^error: SEALWIRE_ADDRESS "foo" names no port/);
    const sign = ["sign", "batch_sum", '{"numbers":[1]}', "--credentials", "client.json"];
    assert.match((await run([...sign, "--address", "https://h:1"])).stderr, "is a URL");
    assert.is((await run([...sign, "--address", "host.test:1"])).code, 0);
  }));

test.run();
