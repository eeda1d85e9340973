/**
 * Changes the page. If that takes away the element with the focus, the focus goes to the nearest element around it that
 * can have it, such as a table, otherwise to the heading.
 */
export function keepingFocus(change: () => void): void {
  const before = document.activeElement;
  const around: HTMLElement[] = [];
  for (let each = before?.parentElement ?? null; each !== null; each = each.parentElement) {
    if (each.tabIndex >= 0) around.push(each);
  }
  change();
  if (before === null || before.isConnected) return;
  const next = around.find((each) => each.isConnected);
  if (next === undefined) focusHeading();
  else next.focus();
}

/** Moves the focus to the heading, where what reads the page aloud begins. */
export function focusHeading(): void {
  document.querySelector<HTMLElement>("h1")?.focus();
}
