// test-limit-ms: 600000
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildDescriptors } from "../support/build-descriptors.ts";
import { eventually } from "../support/eventually.ts";
import { hasPostgres, PostgresServer } from "../support/postgres-server.ts";
import { scrape } from "../support/scrape.ts";
import { assert, suite } from "../support/suite.ts";
import { type CodeBlock, codeBlocks, missingLines } from "./code-blocks.ts";
import { PageSession } from "./page-session.ts";

/*
 * Runs every block of docs/operations.md, from the first to the last; each section in a project, and on a database, of its
 * own. A new block is run without anything being said here: commands are typed, SQL goes to the database, and so on. What a
 * section presupposes stands under PRESUPPOSED.
 */
const test = suite("docs/operations, run");

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "operations.md"), "utf8");
const blocks = codeBlocks(page);

const SOURCES = new URL("../../", import.meta.url).href;
/** The module of tools that the page calls `./tools.ts`. */
const TOOLS = `
  import { implement } from "${SOURCES}src/tools/implement.ts";
  import { DemoToolServiceDefinition } from "${SOURCES}gen/sealwire/demo/v1/demo_tool_service.ts";
  export const tools = [implement(DemoToolServiceDefinition, {
    batchSum: ({ numbers }) => ({ count: numbers.length, total: numbers.reduce((sum, each) => sum + each, 0) }),
    startLongTask: () => ({ payload: undefined }),
  })];
  export const descriptors = [];`;

/** The contract of the upstream that the page calls "archive". */
const ARCHIVE = join(import.meta.dirname, "..", "..", "examples", "upstream-contract");

const ADD_KEY = "sealwire keys add reports --server-id calculator --tools '*' --out reports.json\n";
const SERVE = "sealwire serve --tools ./tools.ts --listen 127.0.0.1:50051\n";
const SUM = `sealwire call batch_sum '{"numbers": [1, 2]}' --credentials reports.json`;

interface Scene {
  readonly session: PageSession;
  readonly postgres: PostgresServer;
}

/** The first block under a heading in a language that holds a text. */
function blockWith(language: string, text: string): string {
  const block = blocks.find((each) => each.language === language && each.text.includes(text));
  if (block === undefined) throw new Error(`the page has no block with ${text}`);
  return block.text;
}

/** What was done before by whoever reads a section. */
const PRESUPPOSED: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  // The configuration of the page, with all that it names.
  async Services({ session }) {
    const etc = join(session.home, "etc", "sealwire");
    const configuration = blockWith("json", '"listen"');
    await writeFile(join(etc, "serve.json"), session.here(configuration));
    await writeFile(join(etc, "tools.ts"), TOOLS);
    await writeFile(join(etc, "archive.binpb"), buildDescriptors(ARCHIVE));
    const tokens = join(session.home, "run", "secrets", "console-tokens");
    await writeFile(tokens, `ada operator ${"0123456789abcdef".repeat(2)}\n`, { mode: 0o600 });
    const store = "export SEALWIRE_STORE=postgres://sealwire@db/sealwire";
    const secret = "--server-secret-file /run/secrets/server-secrets.json --not-before 2020-01-01T00:00:00Z";
    await session.type(`${store}\nsealwire store migrate\n${ADD_KEY.trimEnd()} ${secret}\n`);
    await session.type(`cd /etc/sealwire\n${blockWith("sh", "-keyout")}\ncp -r tls '${session.folder}'`);
  },
  TLS: ({ session }) => session.type(ADD_KEY),
  Operators: ({ session }) => session.type(ADD_KEY),
  Health: ({ session }) =>
    session.type(`sealwire serve --dev --listen 127.0.0.1:50051 --health-file /run/sealwire/health`),
  "One port": ({ session }) => session.type(`${ADD_KEY}sealwire store migrate --store postgres://sealwire@db/sealwire`),
  "The store": ({ session }) => session.type(`${ADD_KEY}${SERVE}`),
  Clocks: serveOnce,
  "A narrower window": serveOnce,
};

/** A store in the data folder that a server has used. */
async function serveOnce({ session }: Scene): Promise<void> {
  await session.type(`${ADD_KEY}${SERVE}`);
  await session.stopServing();
}

/** What holds once a section was followed. */
const THEN: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  async Start({ session }) {
    const { stdout } = await session.type(
      `sealwire tools --credentials .sealwire/reports.json\n${SUM.replace("reports.json", ".sealwire/reports.json")}`,
    );
    for (const tool of ["batch_sum", "start_long_task", '{"count":2,"total":3}']) assert.match(stdout, tool);
  },
  async Services({ session }) {
    const tls = "--tls-ca tls/authority.pem --tls-cert tls/reports.pem --tls-key tls/reports.key";
    const health = `sealwire health --address localhost:50051`;
    const { stdout } = await session.type(`${health} ${tls}\n${SUM} --address localhost:50051 ${tls}`);
    assert.is(stdout, 'SERVING\n{"count":2,"total":3}\n');
    const refused = await session.type(`${health} --tls-ca tls/authority.pem || echo refused`);
    assert.match(refused.stdout, "refused", "without a certificate nobody gets in");
    assert.is(readFileSync(join(session.home, "run/sealwire/health"), "utf8"), "SERVING\n");
    assert.is((await scrape(session.here("127.0.0.1:9464"))).value("sealwire_store_up"), 1);
  },
  async "One port"({ session }) {
    const { stdout } = await session.type(SUM);
    assert.match(stdout, '{"count":2,"total":3}');
  },
  async "The store"({ session }) {
    await eventually("frames of after the restore are taken", () =>
      session.type(`${SUM} --timeout 2m`).then(({ stdout }) => stdout.includes('{"count":2,"total":3}')),
    );
  },
};

/** How a block in each language is run. */
const RUN: Readonly<Record<string, (block: CodeBlock, scene: Scene) => Promise<unknown>>> = {
  async sh(block, { session }) {
    const { stdout, stderr } = await session.type(block.text);
    const output = `${stdout}\n${stderr}`;
    assert.equal(missingLines(block, output), [], output);
  },
  /** As the owner of the database, in whatever psql takes. */
  async sql({ text }, { postgres }) {
    postgres.run("psql", ["-v", "ON_ERROR_STOP=1", "-d", "postgres", "-f", "-"], text);
  },
  /** A configuration of sealwire; that under Configuration is served by as Services says. */
  async json({ text }, { session }) {
    await writeFile(join(session.folder, "serve.json"), session.here(text));
    await session.type('node -e \'JSON.parse(require("fs").readFileSync("serve.json"))\'');
  },
  /** Lines of postgresql.conf: they are read, and what they ask of standbys is there. */
  async conf({ text }, { session, postgres }) {
    postgres.configure(text);
    await using standby = await postgres.startStandby();
    standby.configure(`primary_conninfo = 'host=127.0.0.1 port=${postgres.port} user=sealwire application_name=one'`);
    await using client = await postgres.connect("sealwire");
    await eventually("a standby follows as the line says", async () => {
      const { rows } = await client.query("SELECT sync_state FROM pg_stat_replication WHERE application_name = 'one'");
      return rows[0]?.sync_state === "quorum";
    });
    const serve = "sealwire serve --server-secret-file server-secrets.json --tools ./tools.ts --no-work";
    await session.type(`export SEALWIRE_STORE=postgres://sealwire@db/sealwire\n${serve} --require-sync-replication`);
    await session.stopServing();
    postgres.configure("synchronous_standby_names = ''");
  },
  /** What is exported is used: a thread that answers, and one that is stopped. */
  async ts({ text }, { session }) {
    const file = join(session.folder, "block.ts");
    await writeFile(file, text);
    const { inThread } = await import(pathToFileURL(file).href);
    const thread = (body: string) =>
      new URL(
        `data:text/javascript,${encodeURIComponent(`import { parentPort, workerData } from "node:worker_threads"; ${body}`)}`,
      );
    const { signal } = new AbortController();
    assert.is(await inThread(thread("parentPort.postMessage(workerData * 2);"), 21, signal), 42);
    const aborted = AbortSignal.timeout(100);
    const rejected = await inThread(thread("for (;;);"), 0, aborted).catch((reason: unknown) => reason);
    assert.is(rejected, aborted.reason);
  },
};

const sectionOf = ({ headings }: CodeBlock): string => headings[1] ?? "";

if (hasPostgres(test)) {
  let postgres: PostgresServer;
  let session: PageSession | undefined;
  let section: string | undefined;

  test.before(async () => {
    postgres = await PostgresServer.start();
  });
  test.after(async () => {
    await session?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
  });

  const enter = async (name: string): Promise<Scene> => {
    if (name !== section || session === undefined) {
      await session?.stopServing();
      await session?.[Symbol.asyncDispose]();
      await using client = await postgres.connect("public");
      await client.query("DROP SCHEMA IF EXISTS sealwire CASCADE");
      session = await PageSession.start(postgres.url());
      section = name;
      await writeFile(join(session.folder, "tools.ts"), TOOLS);
      await PRESUPPOSED[name]?.({ session, postgres });
    }
    return { session, postgres };
  };

  for (const [index, block] of blocks.entries()) {
    const { language, line, text } = block;
    test(`line ${line}: ${text.split("\n", 1)[0]}`, async () => {
      const name = sectionOf(block);
      const scene = await enter(name);
      const run = RUN[language];
      if (run === undefined) throw new Error(`nobody knows how to run a block in "${language}"`);
      await run(block, scene);
      const next = blocks[index + 1];
      if (next === undefined || sectionOf(next) !== name) await THEN[name]?.(scene);
    });
  }
}

test.run();
