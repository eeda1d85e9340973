import { sleep } from "../../runtime/clock.ts";
import type { VerifiedResponse } from "../../signing/response/verify.ts";
import type { Deadline } from "../calls/deadline.ts";
import { RENEWALS_MAX } from "../calls/signer.ts";
import type { Connection } from "../connection.ts";
import { ResumePolicy } from "./resume-policy.ts";
import { openWatch, type StreamEnd, type WatchRequest } from "./watch-stream.ts";

/** The content of one verified message of a watch. */
export interface WatchUpdate<T> {
  /** The items to yield. */
  readonly items: readonly T[];
  /** False for a heartbeat. */
  readonly isNews: boolean;
  /** True if this is the last message. */
  readonly isOver: boolean;
}

/** The target of a watch. Keeps its position, so that the next stream resumes there. */
export interface Watched<T> {
  /** True if the server has confirmed the target before the watch. */
  readonly isKnown: boolean;
  /** Returns the request for the next stream. `end`: how the previous stream ended. */
  request(end: StreamEnd | undefined): Pick<WatchRequest, "tool" | "args">;
  /** Reads a verified message. Throws RESPONSE_INVALID if it contradicts an earlier message. */
  read(response: VerifiedResponse): WatchUpdate<T>;
}

/**
 * Runs a watch over one or more streams with the same request id. A stream that breaks, becomes silent or is truncated
 * is resumed with a new signature. Throws if the server refuses permanently, stays unreachable, or sends an invalid
 * answer.
 */
export async function* resumedWatch<T>(
  connection: Connection,
  watched: Watched<T>,
  deadline: Deadline,
): AsyncGenerator<T, void, undefined> {
  const { clock, random, logger } = connection.options;
  const requestId = random.uuid();
  const resumePolicy = new ResumePolicy(connection, watched.isKnown);
  let end: StreamEnd | undefined;
  let renewals = 0;
  for (;;) {
    deadline.throwIfEnded();
    const request = { ...watched.request(end), requestId };
    const stream = openWatch(connection, request, deadline);
    end = undefined;
    try {
      while (end === undefined) {
        const step = await stream.next();
        if (step.done) {
          end = step.value;
          break;
        }
        const { items, isNews, isOver } = watched.read(step.value);
        resumePolicy.verified(isNews);
        renewals = 0;
        yield* items;
        if (isOver) return;
      }
    } finally {
      await stream.return({ kind: "truncated" });
    }
    if (await renewed(connection, end, renewals, deadline)) {
      renewals += 1;
      logger.debug({ tool: request.tool, requestId }, "watch resumes with other credentials");
      continue;
    }
    const delayMs = resumePolicy.delayAfter(end, deadline);
    logger.debug({ tool: request.tool, requestId, end: end.kind, delayMs }, "watch resumes");
    await sleep(clock, delayMs, deadline.signal);
  }
}

/** True if the stream ended because its key is refused, and there are other credentials. */
async function renewed(
  { signer }: Connection,
  end: StreamEnd,
  renewals: number,
  { signal }: Deadline,
): Promise<boolean> {
  if (end.kind !== "failed" || renewals >= RENEWALS_MAX) return false;
  return await signer.renew(end.attempt, end.failure.error, signal);
}
