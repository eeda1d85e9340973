import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { DemoToolServiceService } from "../../gen/sealwire/demo/v1/demo_tool_service.ts";
import { writeCredentials } from "../../src/signing/key-ring/credentials.ts";
import { type AgentCommand, AgentProcess } from "../../test/interop/clients/agent-process.ts";
import { languages } from "../../test/interop/clients/languages.ts";
import { startServer } from "../../test/support/running-server.ts";
import type { BenchOptions } from "../options.ts";
import { pickCores } from "../process/cores.ts";
import type { Bench, Table } from "../report/result.ts";
import { describeRange, median, ratios } from "../report/statistics.ts";
import { batchSum } from "../variants/work.ts";

/** Calls of one interval. */
const CALLS = 5_000;
/** Rounds in which just-in-time compilers do their work. */
const WARM_UP_ROUNDS = 2;
/** How many times the CPU time of a plain call a signed one may take. */
const AIMS: Readonly<Record<string, number>> = { python: 1.5, go: 2, java: 2, rust: 2 };

interface Costs {
  readonly title: string;
  readonly aim: number | undefined;
  /** CPU time per call in µs, round by round. */
  readonly plain: readonly number[];
  readonly signed: readonly number[];
}

interface Servers {
  readonly plain: string;
  readonly credentials: string;
}

/** What signing costs a caller: the same generated stub on a plain channel and on that of the language's package. */
export const languageCosts: Bench = {
  title: "What signing costs a caller, by language",
  async run(options) {
    const folder = await mkdtemp(join(tmpdir(), "sealwire-languages-"));
    const plain = await startPlain();
    await using server = await startServer();
    const credentials = join(folder, "client.json");
    await writeCredentials(credentials, server.credentials());
    try {
      // An agent in Rust is built as users ship it.
      process.env.SEALWIRE_CARGO_PROFILE = "release";
      const agents: { readonly title: string; readonly aim: number | undefined; readonly command: AgentCommand }[] = [];
      const chosen = Object.values(languages).filter(
        ({ name }) => options.variants.length === 0 || options.variants.includes(name),
      );
      for (const { name, build } of chosen) {
        options.progress(`${name}: build`);
        const place = join(folder, name);
        await mkdir(place);
        for (const [variant, command] of Object.entries(await build(place)))
          agents.push({ title: variant === "stubs" ? name : `${name}, ${variant}`, aim: AIMS[name], command });
      }
      const all: Costs[] = [];
      for (const { title, aim, command } of agents) {
        options.progress(title);
        await using agent = new AgentProcess(pinned(command));
        all.push({ title, aim, ...(await measure(agent, { plain: plain.address, credentials }, options)) });
      }
      const settings = `${options.rounds} rounds of ${callsOf(options)} calls after ${WARM_UP_ROUNDS} that do not count`;
      return { settings, tables: [table(all)], raw: all };
    } finally {
      plain.server.forceShutdown();
      await rm(folder, { recursive: true });
    }
  },
};

/** The demo service on grpc-js, without anything of Sealwire. */
async function startPlain(): Promise<{ readonly server: Server; readonly address: string }> {
  const server = new Server({ "grpc.enable_channelz": 0 });
  server.addService(
    { batchSum: DemoToolServiceService.batchSum },
    {
      batchSum: ({ request }: { request: { numbers: number[] } }, respond: (error: null, answer: object) => void) =>
        respond(null, batchSum(request.numbers)),
    },
  );
  const port = await promisify(server.bindAsync.bind(server))("127.0.0.1:0", ServerCredentials.createInsecure());
  return { server, address: `127.0.0.1:${port}` };
}

/** Pins an agent to the core of loads, and this process, which holds the servers, to that of servers. */
function pinned({ command, env }: AgentCommand): AgentCommand {
  const { server, load } = pickCores();
  if (server === undefined || load === undefined) return { command, ...(env && { env }) };
  execFileSync("taskset", ["--all-tasks", "--pid", "--cpu-list", server, String(process.pid)], { stdio: "ignore" });
  return { command: ["taskset", "--cpu-list", load, ...command], ...(env && { env }) };
}

function callsOf({ scale }: BenchOptions): number {
  return Math.ceil(CALLS / scale);
}

/** Calls both servers in turn. */
async function measure(
  agent: AgentProcess,
  { plain, credentials }: Servers,
  options: BenchOptions,
): Promise<Pick<Costs, "plain" | "signed">> {
  for (const opening of [
    { channel: "plain", plain },
    { channel: "signed", credentials },
  ]) {
    const { failure } = await agent.run("open", opening);
    if (failure !== undefined) throw new Error(failure);
  }
  const count = callsOf(options);
  const costOf = async (channel: string): Promise<number> => {
    const { cpuSeconds, failure, message } = await agent.run("measure", { channel, count });
    if (cpuSeconds === undefined) throw new Error(failure ?? message);
    return (cpuSeconds / count) * 1e6;
  };
  const costs = { plain: [] as number[], signed: [] as number[] };
  for (let round = 0; round < WARM_UP_ROUNDS + options.rounds; round += 1) {
    const measured = { plain: await costOf("plain"), signed: await costOf("signed") };
    if (round < WARM_UP_ROUNDS) continue;
    costs.plain.push(measured.plain);
    costs.signed.push(measured.signed);
  }
  return costs;
}

function table(all: readonly Costs[]): Table {
  return {
    title: "CPU per call in µs, one caller, one call after the other",
    columns: ["", "plain channel", "Sealwire's channel", "ratio", "lowest–highest", "aim: at most"],
    rows: all.map(({ title, aim, plain, signed }) => {
      const ratio = ratios(signed, plain);
      return [title, median(plain), median(signed), median(ratio), describeRange(ratio), aim ?? "–"];
    }),
  };
}
