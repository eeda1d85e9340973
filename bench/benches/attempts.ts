import { join } from "node:path";
import type { AttemptsQuestions } from "../process/attempts-process.ts";
import { pickCores } from "../process/cores.ts";
import { PinnedProcess } from "../process/pinned-process.ts";
import type { Bench } from "../report/result.ts";
import { describeRange, median, ratios } from "../report/statistics.ts";

const JOBS = 2_000;
/** Rounds that do not count. */
const WARM_UP_ROUNDS = 3;
/** Factor for the rounds: the difference is a small one. */
const TIMES_ROUNDS = 4;
/** How much the record may add to a job, as a factor. */
const AIM = 1.1;
const KINDS = [
  { title: "a job that succeeds in its first attempt", failures: 0 },
  { title: "a job that fails once before", failures: 1 },
] as const;

/** What the record of attempts costs a job: the same jobs with and without it. */
export const attempts: Bench = {
  title: "The record of a job's attempts",
  async run({ rounds, scale, progress }) {
    const file = join(import.meta.dirname, "..", "process", "attempts-process.ts");
    const start = (): PinnedProcess<AttemptsQuestions> => new PinnedProcess({ file, cores: pickCores().server });
    await using without = start();
    await using recording = start();
    await without.ask("open", { recorded: false });
    await recording.ask("open", { recorded: true });
    const jobs = Math.round(JOBS / scale);
    const raw = KINDS.map(() => ({ without: [] as number[], recording: [] as number[] }));
    for (let round = -WARM_UP_ROUNDS; round < rounds * TIMES_ROUNDS; round += 1) {
      progress(round < 0 ? "warming up" : `round ${round + 1} of ${rounds * TIMES_ROUNDS}`);
      for (const [index, { failures }] of KINDS.entries()) {
        const cost = { without: await without.ask("run", { jobs, failures }), recording: 0 };
        cost.recording = await recording.ask("run", { jobs, failures });
        if (round < 0) continue;
        raw[index]?.without.push(cost.without);
        raw[index]?.recording.push(cost.recording);
      }
    }
    return {
      tables: [
        {
          title: "CPU of a job from its start to its end on SQLite, in µs",
          columns: ["", "without", "with the record", `with / without, aim: at most ${AIM}`, "lowest–highest"],
          rows: KINDS.map(({ title }, index) => {
            const { without: least = [], recording: most = [] } = raw[index] ?? {};
            const both = ratios(most, least);
            return [title, median(least), median(most), median(both), describeRange(both)];
          }),
        },
      ],
      settings: `${rounds * TIMES_ROUNDS} rounds of ${jobs.toLocaleString("en-US")} jobs, in turn, after ${WARM_UP_ROUNDS} that do not count; medians`,
      raw,
    };
  },
};
