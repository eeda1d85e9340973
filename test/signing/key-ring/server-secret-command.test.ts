import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { rotateServerSecret } from "../../../src/signing/key-ring/changes.ts";
import { formatServerSecrets, type KeyRingDocument } from "../../../src/signing/key-ring/document.ts";
import { serverSecretCommand } from "../../../src/signing/key-ring/server-secret-command.ts";
import type { ServerSecretSource } from "../../../src/signing/key-ring/server-secret-source.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { rejection } from "../../support/rejection.ts";
import { assert, suite } from "../../support/suite.ts";
import { context, inFolder, RecordingLogger, ringOfAlice } from "./ring-folder.ts";

const test = suite("signing/key-ring/server-secret-command");

const { PATH = "" } = process.env;

/** A command that runs `script` in a folder, where it finds what it is to print. */
class Fetched {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly folder: string;
  readonly source: ServerSecretSource;
  document: KeyRingDocument = ringOfAlice().document;

  constructor(folder: string, script = 'echo run >> runs; cat "$OUTPUT"') {
    this.folder = folder;
    this.source = serverSecretCommand({
      command: ["sh", "-c", `cd ${folder}; ${script}`],
      env: { PATH, OUTPUT: "output" },
      clock: this.clock,
      logger: this.logger,
    });
  }

  /** What the command prints from now on. */
  print(text: string): Promise<void> {
    return writeFile(join(this.folder, "output"), text);
  }

  printSecrets(more: object = {}): Promise<void> {
    return this.print(JSON.stringify({ ...JSON.parse(formatServerSecrets(this.document.serverSecrets)), ...more }));
  }

  async runs(): Promise<number> {
    return (await readFile(join(this.folder, "runs"), "utf8").catch(() => "")).length / "run\n".length;
  }

  async ids(): Promise<readonly string[]> {
    return (await this.source.load()).secrets.map(({ id }) => id);
  }

  /** Looks for a new version, as the watcher of the ring does. True if this began a run, which has then ended. */
  async look(): Promise<boolean> {
    await this.source.version();
    // A run has a time limit.
    const hasBegun = this.clock.timers > 0;
    if (hasBegun) await this.source.renew();
    return hasBegun;
  }
}

function inFetched(body: (fetched: Fetched) => Promise<void>, script?: string): Promise<void> {
  return inFolder(async (folder) => {
    const fetched = new Fetched(folder, script);
    await using _source = fetched.source;
    await body(fetched);
  });
}

test("the secrets are those that the command prints, and it runs once for many readers", () =>
  inFetched(async (fetched) => {
    await fetched.printSecrets();
    const { secrets } = await fetched.source.load();
    assert.ok(secrets[0]?.secret.equals(fetched.document.serverSecrets[0]?.secret as never));
    await fetched.source.load();
    await fetched.source.version();
    assert.is(await fetched.runs(), 1);
  }));

test("the command runs again when ttl_seconds have passed, and a new secret is a new version", () =>
  inFetched(async (fetched) => {
    await fetched.printSecrets({ ttl_seconds: 60 });
    const before = await fetched.ids();
    const version = await fetched.source.version();
    fetched.document = rotateServerSecret(fetched.document, context);
    await fetched.printSecrets({ ttl_seconds: 60 });
    fetched.clock.advance(59_999);
    assert.is(await fetched.look(), false);
    fetched.clock.advance(1);
    assert.is(await fetched.look(), true);
    assert.is.not(await fetched.source.version(), version);
    assert.is((await fetched.ids()).length, before.length + 1);
    assert.is(await fetched.runs(), 2);
  }));

test("without ttl_seconds the command runs again after five minutes, and the same secrets are the same version", () =>
  inFetched(async (fetched) => {
    await fetched.printSecrets();
    await fetched.source.load();
    const version = await fetched.source.version();
    fetched.clock.advance(299_999);
    assert.is(await fetched.look(), false);
    fetched.clock.advance(1);
    assert.is(await fetched.look(), true);
    assert.is(await fetched.source.version(), version);
  }));

test("after a failure the last secrets stay in force, and the log says once why and that it is over", () =>
  inFetched(async (fetched) => {
    await fetched.printSecrets();
    const before = await fetched.ids();
    const version = await fetched.source.version();
    await writeFile(join(fetched.folder, "down"), "");
    await fetched.source.renew();
    await fetched.source.renew();
    assert.equal(await fetched.ids(), before);
    assert.is(await fetched.source.version(), version);
    assert.equal(
      fetched.logger.lines.map(({ level, message }) => [level, message]),
      [["warn", "server secrets not fetched, the last ones stay in force; retrying"]],
    );
    const [{ fields } = { fields: {} }] = fetched.logger.lines;
    assert.match(JSON.stringify(fields), "the command sh for the server secrets exited with 9");
    await writeFile(join(fetched.folder, "down"), "no");
    await fetched.source.renew();
    assert.is(fetched.logger.lines.at(-1)?.message, "the server secrets were fetched again");
  }, 'test -e down && ! grep -q no down && exit 9; cat "$OUTPUT"'));

test("a failed command runs again after five seconds, and after twice as long each time up to five minutes", () =>
  inFetched(async (fetched) => {
    await fetched.printSecrets({ ttl_seconds: 1_000 });
    await fetched.source.load();
    await fetched.print("");
    fetched.clock.advance(1_000_000);
    assert.is(await fetched.look(), true);
    for (const waitMs of [5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]) {
      fetched.clock.advance(waitMs - 1);
      assert.is(await fetched.look(), false, String(waitMs));
      fetched.clock.advance(1);
      assert.is(await fetched.look(), true, String(waitMs));
    }
  }));

test("output that is no server secret is an error that somebody must correct, and the last secrets stay", () =>
  inFetched(async (fetched) => {
    await fetched.printSecrets();
    const before = await fetched.ids();
    for (const [text, problem] of [
      ["sesame-sesame-sesame", "JSON"],
      ['{"version":1,"server_secrets":[]}', "holds no server secret"],
      ['{"version":1,"server_secrets":[],"keys":[]}', "keys"],
      ['{"version":1,"server_secrets":[],"ttl_seconds":0}', "ttl_seconds"],
      [" ".repeat(70_000), "wrote more than 65536 bytes"],
    ] as const) {
      await fetched.print(text);
      await fetched.source.renew();
      const { level, message, fields } = fetched.logger.lines.at(-1) ?? {};
      assert.is(level, "error", problem);
      assert.is(message, "server secrets refused, the last ones stay in force until the command is corrected");
      assert.match(JSON.stringify(fields), problem);
      assert.match(JSON.stringify(fields), /of sh|command sh/);
    }
    assert.not.match(JSON.stringify(fetched.logger.lines), "sesame");
    assert.equal(await fetched.ids(), before);
  }));

test("a first run that fails is UNAVAILABLE, and one that cannot succeed is KEY_RING_INVALID", () =>
  inFetched(async (fetched) => {
    const { message } = await rejection("UNAVAILABLE", fetched.source.load());
    assert.match(message, "exited with 1");
    await fetched.print("{}");
    await rejection("KEY_RING_INVALID", fetched.source.load());
    const { clock, logger } = fetched;
    await using missing = serverSecretCommand({ command: ["no-such-vault", "--token=sesame"], env: {}, clock, logger });
    const { message: what } = await rejection("KEY_RING_INVALID", missing.load());
    assert.match(what, "no-such-vault for the server secrets cannot be started: there is no such program");
    assert.not.match(what, "sesame");
  }));

test("stderr is logged in lines without control characters, and stdout is not, even if stderr repeats it", () =>
  inFetched(async (fetched) => {
    await fetched.printSecrets();
    await fetched.source.load();
    const lines = fetched.logger.lines.map(({ fields }) => (fields as { line: string }).line);
    assert.equal(lines.slice(0, 2), ["one  [31mred", "(a line that repeats the output is not logged)"]);
    const [{ secret } = { secret: undefined }] = fetched.document.serverSecrets;
    const text = secret?.export().toString("base64url") ?? "none";
    assert.is(text.length > 40, true);
    assert.not.match(JSON.stringify(fetched.logger.lines), text);
  }, `printf 'one \\033[31mred\\n\\n' >&2; cat "$OUTPUT" | tr -d '\\n' >&2; echo >&2; cat "$OUTPUT"`));

test("twenty lines of stderr are logged for each run, up to 500 characters of each", () =>
  inFetched(async (fetched) => {
    await fetched.printSecrets();
    await fetched.source.load();
    const lines = fetched.logger.lines.map(({ fields }) => (fields as { line: string }).line);
    assert.equal(
      lines.map(({ length }) => length),
      Array(20).fill(500),
    );
  }, `for i in $(seq 30); do head -c 600 /dev/zero | tr '\\0' . >&2; echo >&2; done; cat "$OUTPUT"`));

test("an empty command is refused", () => {
  const options = { command: [], env: {}, clock: new FakeClock(), logger: new RecordingLogger() };
  assert.throws(() => serverSecretCommand(options), /name a program/);
});

test("a source that is disposed of kills its command", () =>
  inFolder(async (folder) => {
    const { source } = new Fetched(folder, "echo started > started; sleep 600");
    const renewed = source.renew();
    await eventually("the start of the command", () => readFile(join(folder, "started")).catch(() => undefined));
    await source[Symbol.asyncDispose]();
    await renewed;
  }));

test("a command that fails and writes a secret to stderr does not bring it into the log", () =>
  inFetched(async (fetched) => {
    await fetched.printSecrets();
    await fetched.source.load().catch(() => {});
    const logged = JSON.stringify(fetched.logger.lines);
    assert.match(logged, "vault: permission denied for /usr/local/lib/vault/plugins/kv-v2-data-of-sealwire");
    const text = await readFile(join(fetched.folder, "output"), "utf8");
    for (const [, secret = ""] of text.matchAll(/"secret":"([\w-]{43,})"/g)) assert.not.match(logged, secret);
    assert.match(text, /"secret":"[\w-]{43,}"/);
  }, 'set -x; secrets=$(cat "$OUTPUT"); set +x; echo "vault: permission denied for /usr/local/lib/vault/plugins/kv-v2-data-of-sealwire" >&2; exit 2'));

test.run();
