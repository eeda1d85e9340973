import type { Registry } from "prom-client";
import type { AuditFigures } from "../../audit/audit-log.ts";
import type { CallObserver } from "../request/access-log.ts";
import { addProcessCounter } from "./process-counter.ts";

/** The figures of the audit log under `sealwire_audit_*`. A server without one exports zeros. */
export function auditMetrics(
  { Counter, Gauge }: Pick<typeof import("prom-client"), "Counter" | "Gauge">,
  registers: Registry[],
): Pick<CallObserver, "auditChanged"> {
  let figures: AuditFigures = { lines: 0, lost: 0, refused: 0, writable: true };
  const counter = (name: string, help: string, value: () => number): void =>
    addProcessCounter({ Counter }, registers, { name, help, value });
  counter("sealwire_audit_lines_total", "Lines written to the audit log.", () => figures.lines);
  counter("sealwire_audit_lost_total", "Lines of the audit log that were lost.", () => figures.lost);
  counter(
    "sealwire_audit_refused_total",
    "Calls and jobs that did not begin because the required audit log could not be written.",
    () => figures.refused,
  );
  new Gauge({
    name: "sealwire_audit_writable",
    help: "1 if the last attempt to write the audit log succeeded, or if there is none.",
    registers,
    collect() {
      this.set(figures.writable ? 1 : 0);
    },
  });
  return {
    auditChanged(next) {
      figures = next;
    },
  };
}
