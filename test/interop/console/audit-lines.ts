import type { AuditFeed, AuditLine } from "../../../src/audit/audit-feed.ts";
import type { AuditOutcome } from "../../../src/audit/event.ts";

/** An audit log with this number of lines, every tenth of which is a refusal. */
export function auditLines(count: number): AuditFeed {
  const startMs = Date.UTC(2026, 10, 30, 8);
  const all = Array.from({ length: count }, (_, index): AuditLine => {
    const sequence = count - index;
    const isRefused = sequence % 10 === 0;
    return {
      ...{ sequence, timeMs: startMs + sequence * 4_000, instance: "shop-1", clientId: "shop", keyId: "k_0001" },
      action: isRefused ? "call.refuse" : sequence % 3 === 0 ? "job.end" : "call.end",
      target: { type: "tool", id: sequence % 3 === 0 ? "render_invoice" : "reserve_stock" },
      outcome: (isRefused ? "refused" : "succeeded") satisfies AuditOutcome,
      ...(isRefused && { reason: "RATE_LIMITED" }),
      source: "10.0.0.7",
      text: JSON.stringify({ sequence }),
    };
  });
  return {
    async read({ limit, pageToken, filters }) {
      const before = Number(pageToken ?? Number.POSITIVE_INFINITY);
      const fitting = all.filter(
        ({ sequence, clientId, action, outcome, reason }) =>
          sequence < before &&
          (filters.clientId ?? clientId) === clientId &&
          (filters.action ?? action) === action &&
          (filters.outcome ?? outcome) === outcome &&
          (filters.reason ?? reason) === reason,
      );
      const lines = fitting.slice(0, limit);
      const last = lines.at(-1);
      return { lines, ...(fitting.length > limit && last && { nextPageToken: `${last.sequence}` }) };
    },
  };
}
