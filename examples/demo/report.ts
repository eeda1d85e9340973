import { styleText } from "node:util";

/** The result of a step. */
export interface Finding {
  /** Short description of the outcome. */
  readonly outcome: string;
  /** Details by name, as JSON values. */
  readonly shown: Readonly<Record<string, unknown>>;
}

/** Reports the steps of the demo. */
export interface Report {
  start(address: string, serverPid: number): void;
  begin(index: number, title: string): void;
  /** Reports the result of the current step, or its error. */
  end(index: number, title: string, result: Finding | Error): void;
  finish(failed: number): void;
}

/** Prints text on standard output. */
export const plainReport: Report = {
  start(address, serverPid) {
    console.log(styleText("bold", "Sealwire demo"));
    console.log(`server: process ${serverPid} on ${address}, client: process ${process.pid}\n`);
  },
  begin(index, title) {
    console.log(`${styleText("bold", `${index}. ${title}`)}`);
  },
  end(_index, _title, result) {
    if (result instanceof Error) {
      console.log(`   ${styleText("red", "✘ not as it should be:")} ${result.message}\n`);
      return;
    }
    console.log(`   ${styleText("green", "✔")} ${result.outcome}`);
    const width = Math.max(...Object.keys(result.shown).map((name) => name.length));
    for (const [name, value] of Object.entries(result.shown)) {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      console.log(`     ${styleText("dim", name.padEnd(width))}  ${text}`);
    }
    console.log("");
  },
  finish(failed) {
    console.log(
      failed === 0
        ? styleText("green", "Every step was as it should be.")
        : styleText("red", `${failed} of the steps ${failed === 1 ? "was" : "were"} not as it should be.`),
    );
    if (failed > 0) return;
    console.log(`\nTo go on: start a server of your own, and call it from a second terminal.`);
    console.log("  npx sealwire serve --dev");
    console.log(`  npx sealwire call batch_sum '{"numbers": [1, 2, 3.5]}'`);
    console.log("A project with tools of your own: npx sealwire init my-tools");
  },
};

/** Prints one JSON object per step on standard output. */
export const jsonReport: Report = {
  start() {},
  begin() {},
  end(step, title, result) {
    const told = result instanceof Error ? { passed: false, problem: result.message } : { passed: true, ...result };
    console.log(JSON.stringify({ step, title, ...told }));
  },
  finish() {},
};
