import type { JobRow } from "../../../src/jobs/job-row.ts";
import { findJobs } from "../../../src/store/operator/find-jobs.ts";
import type { OperatorStorage } from "../../../src/store/operator/operator-storage.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("store/operator/find-jobs");

/** A store with jobs at the positions 1 to `count`, of too many owners to merge; `tool` is "rare" at these positions. */
function storage(count: number, rare: readonly number[]): OperatorStorage {
  const row = (seq: number) => ({ seq, tool: rare.includes(seq) ? "rare" : "usual" }) as JobRow;
  const unused = () => {
    throw new Error("not used here");
  };
  return {
    owners: async () => undefined,
    jobsOf: unused,
    async jobsIn({ from, below, tool, limit }) {
      const rows: JobRow[] = [];
      for (let seq = Math.min(below - 1, count); seq >= Math.max(from, 1) && rows.length < limit; seq -= 1) {
        if (row(seq).tool === tool) rows.push(row(seq));
      }
      return rows;
    },
    async positionOf(nth, { from, below }) {
      const seq = Math.min(below, count + 1) - nth;
      return seq < Math.max(from, 1) ? undefined : seq;
    },
    positionAt: unused,
    args: unused,
    instances: unused,
    statsByTool: unused,
  };
}

const query = { states: [], tool: "rare", pageSize: 2 } as const;

test("a search through many jobs is divided into short pages, which together have every job once", async () => {
  const store = storage(50_000, [3, 4_999, 29_999, 30_000, 49_000]);
  const pages: number[][] = [];
  for (let below: number | undefined = Number.MAX_SAFE_INTEGER; below !== undefined; ) {
    const { rows, nextBelow } = await findJobs(store, query, below);
    pages.push(rows.map(({ seq }) => seq));
    below = nextBelow;
  }
  assert.equal(pages, [[49_000], [30_000, 29_999], [4_999, 3]].concat(pages.slice(3)));
  assert.equal(pages.flat(), [49_000, 30_000, 29_999, 4_999, 3]);
});

test("a search that finds its page reads no further", async () => {
  let read = 0;
  const store = storage(50_000, [49_999, 49_998, 49_997]);
  const counted = {
    ...store,
    jobsIn: (range: Parameters<OperatorStorage["jobsIn"]>[0]) => {
      read += 1;
      return store.jobsIn(range);
    },
  };
  const { rows, nextBelow } = await findJobs(counted, query, Number.MAX_SAFE_INTEGER);
  assert.equal(
    rows.map(({ seq }) => seq),
    [49_999, 49_998],
  );
  assert.is(nextBelow, 49_998);
  assert.is(read, 1);
});

test.run();
