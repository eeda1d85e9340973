import type { Browser } from "playwright-core";
import { DAY_MS, HOUR_MS } from "../../src/runtime/time-span.ts";
import type { AllJobsQuery } from "../../src/store/operator-view.ts";
import type { Store } from "../../src/store/store.ts";
import { EventReader, signIn } from "../../test/console/http-client.ts";
import { type OperatedConsole, startOperatedConsole } from "../../test/console/operated-console.ts";
import { auditLines } from "../../test/interop/console/audit-lines.ts";
import { startBrowser, WatchedPage } from "../../test/interop/console/browser.ts";
import type { BenchOptions } from "../options.ts";
import type { Bench, Cell, Findings } from "../report/result.ts";
import { median, quantile } from "../report/statistics.ts";
import { benchJob, type Engine, openFilledStore } from "../variants/filled-store.ts";

const ENGINES: readonly (readonly [Engine, string])[] = [
  ["sqlite", "SQLite"],
  ["postgres", "PostgreSQL"],
];
const FEW = 10_000;
const MANY = 100_000;
/** Above this number of clients a search reads the newest jobs one after the other. */
const CLIENTS = [100, 1_000] as const;
const RARE = "rare";
const PAGE_SIZE = 50;
const CONSOLES = 8;
const CALLERS = 16;

/** Filters of the list of jobs, with what the bench's stores hold of them. */
const FILTERS: readonly (readonly [string, (nowMs: number) => Omit<AllJobsQuery, "pageSize">])[] = [
  ["none", () => ({ states: [] })],
  ["a state of half of the jobs", () => ({ states: ["QUEUED"] })],
  ["a state of no job", () => ({ states: ["FAILED"] })],
  ["a client", () => ({ states: [], owner: "owner-7" })],
  ["a client and a state", () => ({ states: ["CANCELLED"], owner: "owner-7" })],
  ["a client and a tool without jobs", () => ({ states: [], owner: "owner-7", tool: "none" })],
  ["a tool of all jobs", () => ({ states: [], tool: "parked" })],
  ["a tool of three jobs", () => ({ states: [], tool: RARE })],
  ["that tool and a state", () => ({ states: ["SUCCEEDED"], tool: RARE })],
  ["the last hour", (nowMs) => ({ states: [], createdSinceMs: nowMs - HOUR_MS })],
  ["the last hour and that tool", (nowMs) => ({ states: [], tool: RARE, createdSinceMs: nowMs - HOUR_MS })],
  ["nothing: before yesterday", (nowMs) => ({ states: [], createdBeforeMs: nowMs - DAY_MS })],
];

/** Pages by what is measured of them, in milliseconds of each round. */
type Measured = Map<string, number[]>;

/** How soon the console's pages are shown, what its lists read, and what open consoles cost calls. */
export const consolePages: Bench = {
  title: "The console",
  async run(options) {
    const pages: Measured = new Map();
    const lists: Measured = new Map();
    const calls: (readonly Cell[])[] = [];
    for (const [engine, title] of ENGINES) {
      for (const count of [FEW, MANY]) {
        await withStore(options, { engine, count, clients: CLIENTS[0] }, (store) =>
          measurePages(options, pages, { store, key: `${title} ${count}` }),
        );
      }
      for (const clients of CLIENTS) {
        await withStore(options, { engine, count: MANY, clients }, async (store) => {
          await measureLists(options, lists, { store, key: `${title} ${clients}` });
          if (clients === CLIENTS[1]) calls.push(...(await measureCalls(options, { store, title })));
        });
      }
    }
    return findings(options, { pages, lists, calls });
  },
};

async function withStore(
  { scale, progress }: BenchOptions,
  { engine, count, clients }: { readonly engine: Engine; readonly count: number; readonly clients: number },
  use: (store: Store) => Promise<void>,
): Promise<void> {
  const jobs = Math.round(count / scale);
  progress(`filling a store on ${engine} with ${jobs} jobs of ${clients} clients`);
  await using store = await openFilledStore(engine, jobs, clients);
  for (const owner of ["owner-1", "owner-2", "owner-3"]) await store.jobs.submit(benchJob(owner, RARE));
  await use(store);
}

/** Opens each page as a user does who types its address, in a browser that has the console's files. */
async function measurePages(
  { rounds, progress }: BenchOptions,
  measured: Measured,
  { store, key }: { readonly store: Store; readonly key: string },
): Promise<void> {
  await using browser: Browser = await startBrowser();
  await using console = await startOperatedConsole({ store, audit: auditLines(10_000), work: false });
  await using watched = await WatchedPage.open(browser);
  const { page } = watched;
  await page.goto(console.url);
  await page.locator(".live-data").waitFor();
  const { jobs } = await store.operator.jobs({ states: [], pageSize: 1 });
  for (let round = -1; round < rounds; round += 1) {
    progress(`pages, ${key} jobs, round ${round + 1} of ${rounds}`);
    for (const [name, path] of pathsOf(jobs[0]?.jobId ?? "")) {
      await page.goto(console.origin + path);
      const [paintMs = Number.NaN, completeMs = Number.NaN] = await page.evaluate(COMPLETE);
      if (round < 0) continue;
      note(measured, `${name} ${key} painted`, paintMs);
      note(measured, `${name} ${key} complete`, completeMs);
    }
  }
  watched.check();
}

/** Resolves when the page has data, with the times of the first paint and of the data, measured in the page. */
const COMPLETE = `(async () => {
  while (document.querySelector(".live-data") === null) await new Promise(requestAnimationFrame);
  const completeMs = performance.now();
  let paint;
  while ((paint = performance.getEntriesByName("first-contentful-paint")[0]) === undefined) await new Promise(requestAnimationFrame);
  return [paint.startTime, completeMs];
})()` as unknown as () => Promise<number[]>;

function pathsOf(jobId: string): readonly (readonly [string, string])[] {
  return [
    ["Overview", "/"],
    ["Jobs", "/jobs"],
    ["Jobs of a client in a state", "/jobs?state=QUEUED&client=owner-7"],
    ["Jobs of a rare tool", `/jobs?tool=${RARE}`],
    ["A job", `/jobs/${jobId}`],
    ["Tools", "/tools"],
    ["A tool", "/tools/batch_sum"],
    ["Keys", "/keys"],
    ["Audit", "/audit"],
    ["About", "/about"],
  ];
}

async function measureLists(
  { rounds, progress }: BenchOptions,
  measured: Measured,
  { store, key }: { readonly store: Store; readonly key: string },
): Promise<void> {
  for (let round = -1; round < rounds; round += 1) {
    progress(`lists, ${key} clients, round ${round + 1} of ${rounds}`);
    for (const [name, query] of FILTERS) {
      const startMs = performance.now();
      await store.operator.jobs({ ...query(Date.now()), pageSize: PAGE_SIZE });
      if (round >= 0) note(measured, `${name} ${key}`, performance.now() - startMs);
    }
  }
}

/** Calls while nobody watches, while consoles watch the overview, and while they watch a search that finds little. */
async function measureCalls(
  options: BenchOptions,
  { store, title }: { readonly store: Store; readonly title: string },
): Promise<(readonly Cell[])[]> {
  await using console = await startOperatedConsole({ store, work: false });
  const token = (await signIn(console.origin, console.url.split("#token=")[1] ?? "")).json<{ token: string }>().token;
  const kinds: readonly (readonly [string, string | undefined])[] = [
    ["no console", undefined],
    [`${CONSOLES} consoles, the overview`, "/api/overview"],
    [`${CONSOLES} consoles, a search for a rare tool`, `/api/jobs?tool=${RARE}`],
  ];
  const results = kinds.map(() => ({ p50: [] as number[], p99: [] as number[], cpu: [] as number[] }));
  await load(console, options.warmUpSeconds * 1_000);
  for (let round = 0; round < options.rounds; round += 1) {
    options.progress(`calls on ${title}, round ${round + 1} of ${options.rounds}`);
    for (const [index, [, view]] of kinds.entries()) {
      await using watching = new AsyncDisposableStack();
      for (let n = 0; view !== undefined && n < CONSOLES; n += 1) {
        watching.use(await EventReader.open(console.origin, view, token));
      }
      // A view is read every two seconds.
      const { tookMs, cpuMs } = await load(console, Math.max(4_000, options.seconds * 1_000) / options.scale);
      const sorted = tookMs.sort((one, other) => one - other);
      results[index]?.p50.push(quantile(sorted, 0.5));
      results[index]?.p99.push(quantile(sorted, 0.99));
      results[index]?.cpu.push((cpuMs / sorted.length) * 1_000);
    }
  }
  return kinds.map(([name], index) => {
    const { p50 = [], p99 = [], cpu = [] } = results[index] ?? {};
    return [`${title}, ${name}`, median(p50), median(p99), median(cpu)];
  });
}

async function load(
  console: OperatedConsole,
  forMs: number,
): Promise<{ readonly tookMs: number[]; readonly cpuMs: number }> {
  const client = console.client("shop");
  const tookMs: number[] = [];
  const before = process.cpuUsage();
  const endMs = performance.now() + forMs;
  const caller = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const startMs = performance.now();
      await client.call("quote_price", { numbers: [1, 2] });
      tookMs.push(performance.now() - startMs);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const { user, system } = process.cpuUsage(before);
  return { tookMs, cpuMs: (user + system) / 1_000 };
}

function note(measured: Measured, key: string, ms: number): void {
  measured.set(key, [...(measured.get(key) ?? []), ms]);
}

function findings(
  { rounds, scale }: BenchOptions,
  {
    pages,
    lists,
    calls,
  }: { readonly pages: Measured; readonly lists: Measured; readonly calls: readonly (readonly Cell[])[] },
): Findings {
  const jobs = (count: number): string => Math.round(count / scale).toLocaleString("en-US");
  const of = (measured: Measured, key: string): number => median(measured.get(key) ?? []);
  const titles = ENGINES.map(([, title]) => title);
  return {
    tables: [
      ...[FEW, MANY].map((count) => ({
        title: `Pages with ${jobs(count)} jobs, from the typed address on (ms)`,
        columns: ["", ...titles.flatMap((title) => [`${title}: first paint`, `${title}: complete`])],
        rows: pathsOf("").map(([name]) => [
          name,
          ...titles.flatMap((title) =>
            ["painted", "complete"].map((what) => of(pages, `${name} ${title} ${count} ${what}`)),
          ),
        ]),
      })),
      {
        title: `One reading of the list of jobs with ${jobs(MANY)} jobs, by its filter (ms)`,
        columns: ["", ...titles.flatMap((title) => CLIENTS.map((clients) => `${title}, ${clients} clients`))],
        rows: FILTERS.map(([name]) => [
          name,
          ...titles.flatMap((title) => CLIENTS.map((clients) => of(lists, `${name} ${title} ${clients}`))),
        ]),
      },
      {
        title: `A call while consoles are open, with ${jobs(MANY)} jobs of ${CLIENTS[1]} clients`,
        columns: ["", "p50 (ms)", "p99 (ms)", "processor time of a call (µs)"],
        rows: calls,
      },
    ],
    settings: `${rounds} rounds, medians; ${CALLERS} callers, server and console in one process, nothing pinned`,
    raw: { pages: Object.fromEntries(pages), lists: Object.fromEntries(lists), calls },
  };
}
