import { SealwireError } from "../errors.ts";
import { AUDIT_VERSION, readLine } from "./line.ts";

/** Bytes at the beginning of a line that are enough for {@link readLineStart}. */
const LINE_START_BYTES = 256;

const LINE_START = new RegExp(
  `^\\{"version":${AUDIT_VERSION},"time":"([^"]{1,40})","chain":"[^"]{1,64}","sequence":(\\d{1,16}),`,
);
const TOKEN = /^(\d{1,16})\.(\d{1,16})$/;

/** A line in a file. */
export interface LinePosition {
  /** Number of the line in its log. */
  readonly sequence: number;
  /** Its first byte. */
  readonly offset: number;
}

/** The token of the page with the lines before a position. */
export function formatPageToken({ sequence, offset }: LinePosition): string {
  return `${sequence}.${offset}`;
}

/** The position in a token; it may be anywhere. Throws ARGS_INVALID naming `page_token` if it is no such token. */
export function parsePageToken(token: string): LinePosition {
  const [, sequence, offset] = TOKEN.exec(token) ?? [];
  if (sequence === undefined || offset === undefined || offset === "0") throw strangePageToken();
  return { sequence: Number(sequence), offset: Number(offset) };
}

/** The error for a token that is none, or whose line is not in the file. */
export function strangePageToken(): SealwireError {
  const what = "The page token does not belong to the current file of the audit log, which may have been rotated";
  return new SealwireError("ARGS_INVALID", `${what}; begin at the first page.`, {
    violations: [{ field: "page_token", ruleId: "page_token", message: "must come from a page of the current file" }],
  });
}

/** The sequence of a line; `undefined` if it is none of an audit log. */
export function sequenceOf(line: Buffer): number | undefined {
  return readLineStart(line)?.sequence ?? readLine(line.toString())?.head.sequence;
}

/**
 * The time, as it is written, and the sequence at the beginning of a line; `undefined` for a line that does not begin as
 * a server writes it.
 */
export function readLineStart(bytes: Buffer): { readonly time: string; readonly sequence: number } | undefined {
  const [, time, sequence] = LINE_START.exec(bytes.toString("latin1", 0, LINE_START_BYTES)) ?? [];
  return time === undefined ? undefined : { time, sequence: Number(sequence) };
}
