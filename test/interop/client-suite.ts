import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ended } from "../cli/cli-run.ts";
import { assert, type Suite } from "../support/suite.ts";
import { InteropServer } from "./interop-server.ts";
import { suiteWith } from "./toolchain.ts";

const VECTORS = join(import.meta.dirname, "..", "vectors");
const LEAST_VECTORS = 200;
const ECHO_REQUESTS = 10_000;

/** How the client of one language is built and started; test/interop/README.md tells what its two programs do. */
export interface ClientUnderTest {
  readonly language: string;
  /** What must be on the PATH. */
  readonly programs: readonly string[];
  /** The checker has `grpc-cases`. */
  readonly grpcCases?: true;
  /** The checker has `refusals`. */
  readonly refusals?: true;
  /** The checker has `violations`. */
  readonly protovalidate?: true;
  /** Builds in the new, empty folder, and returns the commands of both programs. */
  build(folder: string): Promise<ClientCommands>;
}

/** Programs with their first arguments. */
export interface ClientCommands {
  /** The program of `test/interop/<language>`. */
  readonly checker: readonly string[];
  /** The program of `examples/<language>`. */
  readonly example: readonly string[];
}

/** What the tests of one language have at hand. */
export interface ClientSession {
  readonly server: InteropServer;
  /** Path of the client's credentials file. */
  readonly credentials: string;
  /** Runs the checker. */
  check(...args: readonly string[]): Promise<Ended>;
  /** Runs the example with a credentials file. */
  example(credentials: string): Promise<Ended>;
}

/** Starts the suite of one language with the tests that all have in common; the caller adds its own and ends with `run()`. */
export function clientSuite({ language, programs, build, refusals, grpcCases, protovalidate }: ClientUnderTest): {
  readonly test: Suite;
  readonly session: () => ClientSession;
} {
  const test = suiteWith(programs, `interop/${language}`);
  let folder: string | undefined;
  let server: InteropServer | undefined;
  let current: (ClientSession & { readonly commands: ClientCommands }) | undefined;

  const session = () => {
    if (current === undefined) throw new Error("the suite has not begun");
    return current;
  };

  test.before(async () => {
    folder = await mkdtemp(join(tmpdir(), `sealwire-${language}-`));
    const commands = await build(folder);
    server = await InteropServer.start();
    const credentials = await server.addClient(language);
    current = {
      server,
      credentials,
      commands,
      check: (...args) => run([...commands.checker, ...args]),
      example: (path) => run([...commands.example, path]),
    };
  });

  test.after(async () => {
    await server?.[Symbol.asyncDispose]();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  test("every vector agrees", async () => {
    const { code, stdout, stderr } = await session().check("vectors", VECTORS);
    assert.is(code, 0, stdout + stderr);
    assert.ok(Number(/^(\d+) vectors agree$/m.exec(stdout)?.[1]) >= LEAST_VECTORS, stdout);
  });

  for (const part of ["signer", "verifier"]) {
    test(`a wrong ${part} is caught by the vectors`, async () => {
      const { code, stdout, stderr } = await session().check("vectors", VECTORS, `--wrong-${part}`);
      assert.is(code, 1, stderr);
      assert.match(stdout, part === "signer" ? /^requests 1\b/m : /^responses \d+\b/m);
    });
  }

  test("10,000 random requests are accepted and come back equal", async () => {
    const seed = String(Date.now() % 1_000_000_007);
    const { code, stdout, stderr } = await session().check("echo", session().credentials, String(ECHO_REQUESTS), seed);
    assert.is(stdout.trimEnd(), `${ECHO_REQUESTS} accepted, ${ECHO_REQUESTS} equal`, `seed ${seed}: ${stderr}`);
    assert.is(code, 0);
  });

  test("the example does what it says", async () => {
    const { commands, credentials } = session();
    const { code, stdout, stderr } = await run([...commands.example, credentials]);
    assert.is(code, 0, stdout + stderr);
    assert.match(stdout, EXAMPLE_OUTPUT);
  });

  test("the example's watch goes on when the server is started anew", async () => {
    const { commands, credentials, server } = session();
    const { code, stdout, stderr } = await run([...commands.example, credentials], {
      line: "watch resumed",
      act: () => server.restart(),
    });
    assert.is(code, 0, stdout + stderr);
    assert.match(stdout, EXAMPLE_OUTPUT);
    assert.ok((stdout.match(/^watch resumed/gm) ?? []).length > 1, stdout);
  });

  if (refusals) {
    test("a refusal that was changed on its way is not believed", async () => {
      const { code, stdout, stderr } = await session().check("refusals", session().credentials);
      assert.equal(stdout.trimEnd().split("\n"), REFUSALS, stderr);
      assert.is(code, 0);
    });
  }

  if (grpcCases) {
    test("the gRPC project's interop cases pass", async () => {
      const { code, stdout, stderr } = await session().check("grpc-cases", session().credentials);
      assert.equal(stdout.trimEnd().split("\n"), GRPC_CASES, stderr);
      assert.is(code, 0);
    });
  }

  if (protovalidate) {
    test("protovalidate finds before sending what the server finds", async () => {
      const { code, stdout, stderr } = await session().check("violations", session().credentials);
      assert.match(stdout, /^\d{2} messages, the same violations\n$/, stderr);
      assert.is(code, 0);
    });
  }

  return { test, session };
}

const REFUSALS = [
  "as sent: ARGS_INVALID",
  "another code: unverified",
  "another reason: unverified",
  "a flipped bit: unverified",
  "the refusal of another attempt: unverified",
  "no frame: unsigned",
];

const GRPC_CASES = [
  "large_unary",
  "too_large_unary",
  "empty_unary",
  "cancel_after_begin",
  "cancel_after_first_response",
  "timeout_on_sleeping_server",
  "special_status_message",
  "unimplemented_method",
  "unimplemented_service",
  "custom_metadata",
];

const EXAMPLE_OUTPUT = new RegExp(
  [
    /^server sealwire-dev, fingerprint as in the credentials/,
    /3 numbers, 6\.5 in all/,
    /refused: ARGS_INVALID/,
    / {2}numbers\[1\]: double\.finite/,
    / {2}numbers\[2\]: double\.finite/,
    /(?:job (?:QUEUED|RUNNING), revision \d+\n)+watch resumed after revision \d+/,
    /(?:.+\n)*job SUCCEEDED, revision \d+/,
    /greeting: süß 🦭/,
    /second job CANCELLED\n$/,
  ]
    .map(({ source }) => source)
    .join("\\n"),
);

/** Runs a command to its end; once a line begins so, calls `act`, which the end waits for, too. */
async function run(
  [program = "", ...args]: readonly string[],
  at?: { line: string; act: () => Promise<void> },
): Promise<Ended> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  let reaction: Promise<void> | undefined;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    if (at !== undefined && stdout.includes(`\n${at.line}`)) reaction ??= at.act();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code] = await once(child, "close");
  await reaction;
  return { code, stdout, stderr };
}
