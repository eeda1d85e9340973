import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import fc from "fast-check";
import { openServerSecrets } from "../../src/cli/input/server-secrets.ts";
import type { ServeSettings } from "../../src/cli/input/settings.ts";
import { followKeyRing, openStore } from "../../src/cli/serve/open-store.ts";
import { resolveServeSettings, workOf } from "../../src/cli/serve/serve-settings.ts";
import { SealwireClient } from "../../src/client/client.ts";
import { SealwireError } from "../../src/errors.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLogger } from "../../src/runtime/logger.ts";
import { createServer, type SealwireServer } from "../../src/server/server.ts";
import { SERVER_LIMITS } from "../../src/server/server-limits.ts";
import { type ClientCredentials, readCredentials } from "../../src/signing/key-ring/credentials.ts";
import type { WatchedKeyRing } from "../../src/signing/key-ring/key-ring-watcher.ts";
import type { ServerSecretSource } from "../../src/signing/key-ring/server-secret-source.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";
import { parseAddresses } from "../../src/wire/server-address.ts";
import { RecordingLogger } from "../signing/key-ring/ring-folder.ts";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { propertyRuns } from "../support/property-runs.ts";
import { snakeCase } from "../support/snake-case.ts";
import { assert, suite } from "../support/suite.ts";
import { type Ended, inFolder, run } from "./cli-run.ts";
import { addWords, aroundBounds, retireWords, rotateWords } from "./odd-options.ts";

/*
 * Whatever an option or a setting is given, and whatever comes of it: the ring can be read, a server that runs follows it,
 * and who had a key goes on calling. SEALWIRE_FC_RUNS sets how often is drawn.
 */
const test = suite("cli/options-survived");

const RING = ".sealwire/key-ring.json";
const NEW = "new.json";

/** A ring that commands work on, and a server that uses it meanwhile. */
interface Scene extends AsyncDisposable {
  readonly keyIds: readonly string[];
  readonly logger: RecordingLogger;
  readonly keyRing: WatchedKeyRing;
  /** Runs a command on the ring. */
  keys(words: readonly string[]): Promise<Ended>;
  /** The ring as it is kept, byte for byte. */
  kept(): Promise<string>;
  /** Puts that back. */
  restore(kept: string): Promise<void>;
  /** Throws unless the old key works. */
  call(): Promise<void>;
}

/** Options that name the ring, and settings that serve it. */
interface DataLocation {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly settings: ServeSettings;
  kept(): Promise<string>;
  restore(kept: string): Promise<void>;
  /** Makes the first key work at once, where it does not yet. */
  settle(): Promise<unknown>;
}

/** A key in a database works from a while after it was made. */
const SETTLE = `UPDATE key_ring SET version = version + 1,
  document = regexp_replace(document::text, '"not_before": ?"[^"]+",', '')`;

async function setScene({ words, env, settings, kept, restore, settle }: DataLocation): Promise<Scene> {
  const keys = (command: readonly string[]) => run([...command.slice(0, 2), ...words, ...command.slice(2)], { env });
  const keyIds: string[] = [];
  const later = ["--not-before", "2090-01-01T00:00:00Z"];
  const clients = [["keeper"], ["victim"], ["victim", ...later], ["victim", "--not-after", "2090-01-01T00:00:00Z"]];
  for (const [index, client] of clients.entries()) {
    const out = ["--tools", "*", "--server-id", "prod", "--out", `old-${index}.json`];
    const { code, stdout, stderr } = await keys(["keys", "add", ...client, ...out]);
    assert.is(code, 0, stderr);
    keyIds.push(stdout.trim());
  }
  await settle();
  const logger = new RecordingLogger();
  const { store, shared } = await openStore(settings, silentLogger);
  const { keyRing } = await followKeyRing(settings, { shared, serverSecrets: secretsOf(settings), logger });
  const server = await createServer({ store, keyRing, tools: [demoTools()] });
  const { address } = await server.listen("127.0.0.1:0");
  const client = new SealwireClient({ credentials: { ...(await readCredentials("old-0.json")), address } });
  return {
    keyIds: keyIds.slice(1),
    logger,
    keyRing,
    keys,
    kept,
    restore,
    call: async () => void (await client.identity()),
    async [Symbol.asyncDispose]() {
      client.close();
      for (const part of [server, keyRing, store]) await part[Symbol.asyncDispose]();
    },
  };
}

/** What must hold whatever a command was given. */
async function checkSurvival(scene: Scene, words: readonly string[], before: string): Promise<void> {
  const { code, stderr } = await scene.keys([
    ...words.slice(0, 2),
    ...(words[1] === "retire" ? [] : ["--out", NEW]),
    ...words.slice(2),
  ]);
  assert.ok(code === 0 || code === 2, stderr);
  assert.not.match(stderr, /undefined|unexpected|Invalid time/);
  const made = await readCredentials(NEW).catch(() => undefined);
  if (code !== 0) assert.is(await scene.kept(), before);
  if (code === 0 && words[1] !== "retire") parseAddresses(made?.address ?? "");
  else assert.is(made, undefined);
  const listed = await scene.keys(["keys", "list", "--json"]);
  assert.is(listed.code, 0, listed.stderr);
  assert.is(listed.stdout.includes(made?.keyId ?? "no such key"), made !== undefined);
  await scene.keyRing.reload();
  const faults = scene.logger.lines.filter(({ level }) => level === "error");
  assert.equal(faults, []);
  await scene.call();
}

async function survives(scene: Scene, usualRuns: number): Promise<void> {
  const before = await scene.kept();
  const words = fc.oneof({ weight: 3, arbitrary: addWords }, rotateWords, retireWords(scene.keyIds));
  await fc.assert(
    fc.asyncProperty(words, async (each) => {
      try {
        await checkSurvival(scene, each, before);
      } finally {
        await rm(NEW, { force: true });
        await scene.restore(before);
      }
    }),
    propertyRuns(usualRuns),
  );
}

test("whatever keys add, rotate and retire are given, ring and server go on working", () =>
  inFolder(async () => {
    await using scene = await setScene({
      words: [],
      env: {},
      settings: await resolveServeSettings({}),
      kept: () => readFile(RING, "utf8"),
      async restore(kept) {
        if ((await readFile(RING, "utf8")) === kept) return;
        await writeFile(RING, kept);
        await chmod(RING, 0o600);
      },
      settle: async () => {},
    });
    await survives(scene, 60);
  }));

/** Every number of the configuration: where it stands, its bounds, and which of them run nothing or cut every call off. */
const NUMBERS: readonly (readonly [string, number, number])[] = [
  ["concurrency", 0, 10_000],
  ["concurrency_per_client", 1, 10_000],
  ["store_connections_max", 1, 1_000],
  ...Object.entries(SERVER_LIMITS).map(([name, { least, most }]) => {
    return [`limits.${snakeCase(name)}`, least, most] as const;
  }),
];

test("every number of the configuration has both bounds", () =>
  inFolder(async () => {
    for (const [field, least, most] of NUMBERS) {
      const name = field.replace("limits.", "");
      const settled = async (value: unknown) => {
        await writeFile(
          "serve.json",
          JSON.stringify(name === field ? { [name]: value } : { limits: { [name]: value } }),
        );
        return resolveServeSettings({ config: "serve.json" }).then(
          () => "taken",
          (error: Error) => error.message,
        );
      };
      for (const value of [least, most]) assert.is(await settled(value), "taken", `${field} ${value}`);
      for (const value of [least - 1, least + 0.5, most + 1, 2 ** 60, "5", null]) {
        assert.match(await settled(value), `${field}: must be a whole number from ${least} to ${most}`);
      }
    }
  }));

const setting = fc.constantFrom(...NUMBERS).chain(([field, least, most]) => {
  const noNumbers = fc.constantFrom<unknown>(null, "5", "", [], {}, true);
  const value = fc.oneof({ weight: 6, arbitrary: aroundBounds(least, most) }, noNumbers);
  return value.map((each) => ({ field, value: each, fits: isWhole(each) && each >= least && each <= most }));
});

function isWhole(value: unknown): value is number {
  return Number.isInteger(value);
}

/** The server secrets of the settings, in a file, which nothing has to close. */
function secretsOf({ serverSecretFile }: ServeSettings): ServerSecretSource | undefined {
  return serverSecretFile === undefined
    ? undefined
    : openServerSecrets(serverSecretFile, { env: {}, clock: systemClock, logger: silentLogger });
}

/** Serves as `sealwire serve` does. */
async function serve(settings: ServeSettings, use: (server: SealwireServer, address: string) => Promise<void>) {
  const { store, shared } = await openStore(settings, silentLogger);
  await using _store = store;
  const { keyRing } = await followKeyRing(settings, {
    shared,
    serverSecrets: secretsOf(settings),
    logger: silentLogger,
  });
  await using _keyRing = keyRing;
  const { limits } = settings;
  await using server = await createServer({ store, keyRing, tools: [demoTools()], work: workOf(settings), limits });
  await use(server, (await server.listen("127.0.0.1:0")).address);
}

async function callAt(address: string, credentials: ClientCredentials, timeoutMs: number): Promise<void> {
  await using client = new SealwireClient({ credentials: { ...credentials, address }, timeoutMs });
  await client.identity();
}

/** Starts with one number of the configuration; then another server with the defaults, on the same store and ring. */
async function checkSetting(
  settingsOf: (config: object) => Promise<ServeSettings>,
  credentials: ClientCredentials,
  { field, value, fits }: { readonly field: string; readonly value: unknown; readonly fits: boolean },
): Promise<void> {
  const name = field.replace("limits.", "");
  const config = name === field ? { [name]: value } : { limits: { [name]: value } };
  const thrown = await settingsOf(config).then(
    (settings) =>
      serve(settings, async (_server, address) => {
        // With a limit of a millisecond a call may well fail; the server must not.
        await callAt(address, credentials, 300).catch((error) => assert.instance(error, SealwireError));
      }),
    (error: Error) => error,
  );
  assert.is(thrown === undefined, fits, `${field} ${JSON.stringify(value)}: ${String(thrown)}`);
  if (thrown !== undefined) assert.match(String(thrown), `${field}: must be a`);
  await serve(await settingsOf({}), (_server, address) => callAt(address, credentials, 10_000));
}

test("whatever a number of the configuration is, a server refuses it by name or serves, and the next one serves", () =>
  inFolder(async () => {
    const added = await run(["keys", "add", "a", "--tools", "*", "--server-id", "prod", "--out", "a.json"]);
    assert.is(added.code, 0, added.stderr);
    const credentials = await readCredentials("a.json");
    const settingsOf = async (config: object) => {
      await writeFile("serve.json", JSON.stringify({ data: ".sealwire", ...config }));
      return resolveServeSettings({ config: "serve.json" });
    };
    await fc.assert(
      fc.asyncProperty(setting, (each) => checkSetting(settingsOf, credentials, each)),
      propertyRuns(36),
    );
  }));

if (hasPostgres(test)) {
  let server: PostgresServer;
  test.before(async () => {
    server = await PostgresServer.start();
  });
  test.after(() => server[Symbol.asyncDispose]());

  test("on a ring in a database, too, ring and server go on working", () =>
    inFolder(async () => {
      await mkdir("data");
      const schema = await server.newSchema();
      const store = server.url(schema);
      await using database = await server.connect(schema);
      const words = ["--server-secret-file", "secrets.json"];
      await using scene = await setScene({
        words,
        env: { SEALWIRE_STORE: store },
        settings: await resolveServeSettings({ serverSecretFile: "secrets.json" }, { SEALWIRE_STORE: store }),
        async kept() {
          const { rows } = await database.query("SELECT document FROM key_ring");
          return `${rows[0].document}\n${await readFile("secrets.json", "utf8")}`;
        },
        async restore(kept) {
          const [document] = kept.split("\n");
          await database.query("UPDATE key_ring SET version = version + 1, document = $1 WHERE document <> $1", [
            document,
          ]);
        },
        settle: () => database.query(SETTLE),
      });
      await survives(scene, 12);
    }));

  test("with any number of connections that is taken, a server on a database serves", () =>
    inFolder(async () => {
      const schema = await server.newSchema();
      const env = { SEALWIRE_STORE: server.url(schema) };
      const secrets = ["--server-secret-file", "secrets.json"];
      const out = ["--tools", "*", "--server-id", "prod", "--out", "a.json"];
      const added = await run(["keys", "add", "a", ...secrets, ...out], { env });
      assert.is(added.code, 0, added.stderr);
      await using database = await server.connect(schema);
      await database.query(SETTLE);
      const credentials = await readCredentials("a.json");
      const settingsOf = async (config: object) => {
        await writeFile("serve.json", JSON.stringify(config));
        return resolveServeSettings({ config: "serve.json", serverSecretFile: "secrets.json" }, env);
      };
      const connections = aroundBounds(1, 1_000).map((value) => {
        return { field: "store_connections_max", value, fits: isWhole(value) && value >= 1 && value <= 1_000 };
      });
      await fc.assert(
        fc.asyncProperty(connections, (each) => checkSetting(settingsOf, credentials, each)),
        propertyRuns(5),
      );
    }));
}

test.run();
