import { type Bench, describeSettings } from "../report/result.ts";
import type { VariantName } from "../variants/variants.ts";
import { measureInRounds } from "./rounds.ts";
import { seriesTable } from "./series-table.ts";

/** Each kind of tool with its variants, the first of which has no log. */
const KINDS: readonly { readonly title: string; readonly names: readonly [VariantName, ...VariantName[]] }[] = [
  {
    title: "A tool that runs once for each request",
    names: ["sealwire-once", "sealwire-once-audit", "sealwire-once-audit-required"],
  },
  {
    title: "A tool that may be repeated, whose requests are not recorded",
    names: ["sealwire-repeatable", "sealwire-repeatable-audit"],
  },
];

/** What the two lines of the audit log add to a whole call with side effects. */
export const audit: Bench = {
  title: "The audit log: what it adds to a call with side effects",
  async run(options) {
    const names = KINDS.flatMap((kind) => kind.names);
    const series = await measureInRounds({ ...options, names });
    const tables = KINDS.flatMap(({ title, names: [base, ...others] }) =>
      options.callers.map((callers) =>
        seriesTable(
          `${title}, ${callers === 1 ? "1 caller" : `${callers} callers`}`,
          series.filter((each) => each.callers === callers && [base, ...others].includes(each.name)),
          base,
        ),
      ),
    );
    return { tables, raw: series, settings: describeSettings(options) };
  },
};
