import { OperatorToolServiceDefinition } from "../../../gen/sealwire/operator/v1/operator_tool_service.ts";
import type { TypedTools } from "../../client/calls/typed-tools.ts";
import type { SealwireClient } from "../../client/client.ts";
import { retryNotice } from "../output/retry-notice.ts";
import type { Terminal } from "../output/terminal.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import { openClient } from "./open-client.ts";

/** A client with the operator's tools. */
export interface OperatorClient extends AsyncDisposable {
  readonly client: SealwireClient;
  readonly tools: TypedTools<typeof OperatorToolServiceDefinition>;
}

/** Makes a client for the operator's tools. The command must dispose it. */
export async function openOperator(terminal: Terminal, options: ConnectionOptions): Promise<OperatorClient> {
  const client = await openClient(terminal, { ...options, logger: retryNotice(terminal) });
  return {
    client,
    tools: client.tools(OperatorToolServiceDefinition),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Empty if there are no more. */
  readonly nextPageToken: string;
}

/** How much of a list is read. */
export interface PageLimits {
  /** Maximum number of items. */
  readonly limit: number;
  /** Maximum number of items in one page. */
  readonly pageMost: number;
  /** Maximum number of pages with fewer items than asked for, which a search may return. Default: no limit. */
  readonly shortPagesMost?: number;
}

/** Reads pages until there are `limit` items or no more. `more`: there may be further items. */
export async function readPages<T>(
  { limit, pageMost, shortPagesMost = Number.POSITIVE_INFINITY }: PageLimits,
  read: (page: { readonly pageSize: number; readonly pageToken: string }) => Promise<Page<T>>,
): Promise<{ readonly items: readonly T[]; readonly more: boolean }> {
  const items: T[] = [];
  let pageToken = "";
  let shortPages = 0;
  do {
    const pageSize = Math.min(limit - items.length, pageMost);
    const page = await read({ pageSize, pageToken });
    items.push(...page.items);
    pageToken = page.nextPageToken;
    if (page.items.length < pageSize) shortPages += 1;
  } while (pageToken !== "" && items.length < limit && shortPages < shortPagesMost);
  return { items, more: pageToken !== "" };
}
