import type { AuditLine, AuditPage } from "../../audit/audit-feed.ts";
import { actorOf } from "../actor.ts";
import type { Answer } from "../answer.ts";
import type { AuditAnswer, AuditRow } from "../answers.ts";
import { textMembers } from "../query.ts";
import type { Route, RouteRequest } from "../route.ts";
import { shownText } from "../shown-text.ts";
import type { ConsoleSource } from "../source.ts";

const INTERVAL_MS = 2_000;
const PAGE_SIZE = 100;
/** Readings of at most 8 MiB for one page, which is read again and again while somebody looks at it. */
const PAGE_READINGS = 2;
/** Number of lines in one export, in one reading of it, and of its readings. */
const EXPORT_MOST = 10_000;
const EXPORT_PAGE = 500;
const EXPORT_READINGS = 32;
/** The parameters of the filters. */
const FILTERS = {
  ...{ clientId: "client", keyId: "key", jobId: "job" },
  ...{ action: "action", outcome: "outcome", reason: "reason" },
} as const;

/** The routes of the page Audit. */
export function auditRoutes({ operator }: ConsoleSource): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/api/audit",
      role: "viewer",
      intervalMs: INTERVAL_MS,
      async answer(request): Promise<AuditAnswer> {
        const { lines, nextPageToken } = await readLines(operator, request, {
          ...{ most: PAGE_SIZE, pageSize: PAGE_SIZE, readings: PAGE_READINGS },
        });
        return { events: lines.map(auditRow), ...(nextPageToken !== undefined && { nextPageToken }) };
      },
    },
    {
      method: "GET",
      path: "/api/audit/export",
      role: "viewer",
      answer: (request) => exported(operator, request),
    },
  ];
}

/** The newest lines that fit, as they stand in the log, the oldest first. */
async function exported(operator: ConsoleSource["operator"], request: RouteRequest): Promise<Answer> {
  const { lines, nextPageToken } = await readLines(operator, request, {
    ...{ most: EXPORT_MOST, pageSize: EXPORT_PAGE, readings: EXPORT_READINGS },
  });
  return {
    status: 200,
    body: lines
      .map(({ text }) => `${text}\n`)
      .reverse()
      .join(""),
    contentType: "application/jsonl; charset=utf-8",
    headers: {
      "content-disposition": 'attachment; filename="audit.jsonl"',
      // Read by the page, which tells that there are older lines.
      "sealwire-export-cut": String(nextPageToken !== undefined),
    },
  };
}

/** How much of the log is read for one request. */
interface ReadingLimits {
  /** Maximum number of lines. */
  readonly most: number;
  /** Maximum number of lines in one reading. */
  readonly pageSize: number;
  /** Maximum number of readings; each has a bound of its own on what it reads of the file. */
  readonly readings: number;
}

async function readLines(
  operator: ConsoleSource["operator"],
  request: RouteRequest,
  { most, pageSize, readings }: ReadingLimits,
): Promise<AuditPage> {
  const lines: AuditLine[] = [];
  const { query } = request;
  let pageToken = query.get("page") || undefined;
  for (let reading = 0; reading < readings && lines.length < most; reading += 1) {
    const page = await operator.readAudit(actorOf(request), {
      limit: Math.min(pageSize, most - lines.length),
      filters: textMembers(query, FILTERS),
      ...(pageToken !== undefined && { pageToken }),
    });
    lines.push(...page.lines);
    pageToken = page.nextPageToken;
    if (pageToken === undefined) return { lines };
  }
  return { lines, ...(pageToken !== undefined && { nextPageToken: pageToken }) };
}

function auditRow(line: AuditLine): AuditRow {
  const {
    sequence,
    timeMs,
    clientId = "",
    keyId = "",
    action,
    target,
    outcome,
    reason = "",
    source = "",
    count = 1,
  } = line;
  return {
    ...{ sequence, atMs: timeMs, keyId, action, outcome, reason, source, count },
    client: shownText(clientId, 250),
    target: target === undefined ? "" : shownText(`${target.type} ${target.id}`, 250),
  };
}
