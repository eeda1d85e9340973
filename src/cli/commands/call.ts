import type { JsonValue } from "@bufbuild/protobuf";
import type { CallResult } from "../../client/calls/call-result.ts";
import type { SealwireClient } from "../../client/client.ts";
import { shellQuote } from "../../files/shell-quote.ts";
import { systemRandom } from "../../runtime/random.ts";
import { type ConnectionOptions, sameServerOptions } from "../input/connection-options.ts";
import { readArguments } from "../input/json-input.ts";
import { openClient } from "../input/open-client.ts";
import { Interrupt } from "../interrupt.ts";
import { reportCallFailure } from "../output/error-details.ts";
import { ExitCode } from "../output/exit-code.ts";
import { followJob } from "../output/follow-job.ts";
import { jobLine } from "../output/job-json.ts";
import { toJsonLine } from "../output/json-output.ts";
import type { Terminal } from "../output/terminal.ts";

interface CallCommandOptions extends ConnectionOptions {
  readonly watch?: boolean;
  readonly detach?: boolean;
  readonly requestId?: string;
  readonly descriptors?: string;
  readonly pin?: string;
}

/** Calls a tool and prints its result. Waits for the end of a job. */
export async function run(
  terminal: Terminal,
  tool: string,
  json: string | undefined,
  options: CallCommandOptions,
): Promise<ExitCode> {
  const args = await readArguments(terminal, json);
  await using client = await openClient(terminal, options);
  const requestId = options.requestId ?? systemRandom.uuid();
  let result: CallResult | undefined;
  try {
    result = await callOrDetach(terminal, client, { tool, json, args, requestId, options });
  } catch (thrown) {
    return await reportCallFailure(terminal, client, thrown, requestId);
  }
  if (result === undefined) return ExitCode.interrupted;
  const { job, output } = result;
  if (job !== undefined && options.detach) terminal.print(await jobLine(client, job, output));
  else if (output !== undefined) terminal.print(toJsonLine(await output.lenientJson()));
  if (result.error !== undefined) {
    await reportCallFailure(terminal, client, result.error, requestId);
    return ExitCode.failed;
  }
  if (job === undefined || output !== undefined || options.detach) return ExitCode.done;
  return await followJob(terminal, client, { jobId: job.jobId, server: options });
}

interface PreparedCall {
  readonly tool: string;
  /** The arguments on the command line. */
  readonly json: string | undefined;
  readonly args: JsonValue;
  readonly requestId: string;
  readonly options: CallCommandOptions;
}

/** Calls the tool. After Ctrl-C, prints how to get the outcome and returns `undefined`. */
async function callOrDetach(
  terminal: Terminal,
  client: SealwireClient,
  { tool, json, args, requestId, options }: PreparedCall,
): Promise<CallResult | undefined> {
  using interrupt = new Interrupt();
  const { signal } = interrupt;
  try {
    return await client.call(tool, args, { requestId, signal, returnFailure: true });
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    const again = ["sealwire", "call", tool, ...(json === undefined ? [] : [json]), "--request-id", requestId];
    terminal.say(
      "Interrupted before an answer was received; the call may have been executed. To get its outcome without a second execution:",
    );
    terminal.say(`  ${[...again, ...sameServerOptions(options)].map(shellQuote).join(" ")}`);
    return undefined;
  }
}
