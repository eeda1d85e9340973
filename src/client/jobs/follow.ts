import { sleep } from "../../runtime/clock.ts";
import type { VerifiedResponse } from "../../signing/response/verify.ts";
import type { Deadline } from "../calls/deadline.ts";
import type { Connection } from "../connection.ts";
import { Resumption } from "./resumption.ts";
import { openWatch, type StreamEnd, type WatchRequest } from "./watch-stream.ts";

/** What one verified message of a watch comes to. */
export interface WatchUpdate<T> {
  /** What is to be yielded. */
  readonly items: readonly T[];
  /** False for a sign of life. */
  readonly isNews: boolean;
  /** True if nothing can follow. */
  readonly isOver: boolean;
}

/** Something that is watched: knows where it stands, so that the next stream begins there. */
export interface Watched<T> {
  readonly isKnown: boolean;
  /** What the next stream asks for; `end` tells how the one before ended. */
  request(end: StreamEnd | undefined): Pick<WatchRequest, "tool" | "args">;
  /** Takes a verified message. Throws RESPONSE_INVALID for what cannot be believed. */
  read(response: VerifiedResponse): WatchUpdate<T>;
}

/**
 * Follows something through as many streams as it takes, all under one request id: what breaks, falls silent or is cut is
 * resumed with a fresh signature. Throws when the server refuses for good, cannot be reached for long, or says what cannot
 * be believed.
 */
export async function* follow<T>(
  connection: Connection,
  watched: Watched<T>,
  deadline: Deadline,
): AsyncGenerator<T, void, undefined> {
  const { clock, random, logger } = connection.options;
  const requestId = random.uuid();
  const resumption = new Resumption(connection, watched.isKnown);
  let end: StreamEnd | undefined;
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
        resumption.verified(isNews);
        yield* items;
        if (isOver) return;
      }
    } finally {
      await stream.return({ kind: "truncated" });
    }
    const delayMs = resumption.delayAfter(end, deadline);
    logger.debug({ tool: request.tool, requestId, end: end.kind, delayMs }, "watch resumes");
    await sleep(clock, delayMs, deadline.signal);
  }
}
