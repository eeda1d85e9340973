import type { AuditLine, AuditQuery } from "../../audit/audit-feed.ts";
import { actorOf } from "../actor.ts";
import type { Answer } from "../answer.ts";
import type { AuditAnswer, AuditRow } from "../answers.ts";
import { textMembers, wholeNumber } from "../query.ts";
import type { Route, RouteRequest } from "../route.ts";
import { shownText } from "../shown-text.ts";
import type { ConsoleSource } from "../source.ts";

const INTERVAL_MS = 2_000;
const PAGE_SIZE = 100;
/** Number of lines in one export, and in one reading of it. */
const EXPORT_MOST = 10_000;
const EXPORT_PAGE = 500;
/** The parameters of the filters. */
const FILTERS = { clientId: "client", action: "action", outcome: "outcome", reason: "reason" } as const;

/** The routes of the page Audit. */
export function auditRoutes({ operator }: ConsoleSource): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/api/audit",
      role: "viewer",
      intervalMs: INTERVAL_MS,
      async answer(request): Promise<AuditAnswer> {
        const { lines, before } = await operator.readAudit(actorOf(request), auditQuery(request.query, PAGE_SIZE));
        return { events: lines.map(auditRow), ...(before !== undefined && { nextBefore: before }) };
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
  const found: string[] = [];
  let asked: AuditQuery | undefined = auditQuery(request.query, EXPORT_PAGE);
  while (asked !== undefined && found.length < EXPORT_MOST) {
    const { lines, before } = await operator.readAudit(actorOf(request), asked);
    found.push(...lines.map(({ text }) => text.trimEnd()));
    asked = before === undefined ? undefined : { ...asked, before };
  }
  return {
    status: 200,
    body: found
      .reverse()
      .map((line) => `${line}\n`)
      .join(""),
    contentType: "application/jsonl; charset=utf-8",
    headers: { "content-disposition": 'attachment; filename="audit.jsonl"' },
  };
}

function auditQuery(query: URLSearchParams, limit: number): AuditQuery {
  const before = wholeNumber(query, "before");
  return { limit, filters: textMembers(query, FILTERS), ...(before !== undefined && { before }) };
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
