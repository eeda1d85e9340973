import { messageLine } from "./message-json.ts";
import { printTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Items of an operator's tool, and how they are printed. */
export interface OperatorList<T> {
  readonly items: readonly T[];
  /** The message of an item, such as "sealwire.operator.v1.Key". */
  readonly type: string;
  readonly encode: (item: T) => { finish(): Uint8Array };
  readonly headings: readonly string[];
  readonly row: (item: T) => string[];
}

/** Prints items as a table, or, with `json`, each as a line of JSON. */
export function printList<T>(terminal: Terminal, list: OperatorList<T>, json = false): void {
  const { items, type, encode, headings, row } = list;
  if (!json) {
    printTable(terminal, headings, items.map(row));
    return;
  }
  for (const item of items) terminal.print(messageLine(type, encode(item).finish()));
}
