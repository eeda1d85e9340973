/** Largest table of a comparison. Beyond it, all lines between the common start and the common end count as changed. */
const CELLS_MOST = 1_000_000;
/** Characters that a reader does not see, or that move others. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * The lines in which two definitions differ, in their order: those of `before` after "- ", those of `after` after "+ ".
 * Characters that a reader would not see are written as `\u{200b}`.
 */
export function differenceOf(before: readonly string[], after: readonly string[]): string[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const changes = changesOf(before.slice(start, before.length - end), after.slice(start, after.length - end));
  return changes.length > 0 ? changes : ["The declarations differ in a part that is not shown."];
}

function changesOf(before: readonly string[], after: readonly string[]): string[] {
  const removed = before.map((line) => shown("- ", line));
  const added = after.map((line) => shown("+ ", line));
  if (before.length * after.length > CELLS_MOST) return [...removed, ...added];
  const common = commonLengths(before, after);
  const changes: string[] = [];
  let [one, other] = [0, 0];
  while (one < before.length && other < after.length) {
    if (before[one] === after[other]) {
      one += 1;
      other += 1;
    } else if ((common[one + 1]?.[other] ?? 0) >= (common[one]?.[other + 1] ?? 0)) {
      changes.push(removed[one] ?? "");
      one += 1;
    } else {
      changes.push(added[other] ?? "");
      other += 1;
    }
  }
  return [...changes, ...removed.slice(one), ...added.slice(other)];
}

/** For each pair of positions, the number of lines that are the same from there on. */
function commonLengths(before: readonly string[], after: readonly string[]): readonly Uint32Array[] {
  const rows = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  for (let one = before.length - 1; one >= 0; one -= 1) {
    const [row, next] = [rows[one], rows[one + 1]];
    for (let other = after.length - 1; row && next && other >= 0; other -= 1) {
      const isSame = before[one] === after[other];
      row[other] = isSame ? (next[other + 1] ?? 0) + 1 : Math.max(next[other] ?? 0, row[other + 1] ?? 0);
    }
  }
  return rows;
}

function shown(mark: string, line: string): string {
  return mark + line.replaceAll(UNSEEN, (each) => `\\u{${each.codePointAt(0)?.toString(16)}}`);
}
