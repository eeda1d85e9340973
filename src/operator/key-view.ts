import { SealwireError } from "../errors.ts";
import type { KeyLimits, KeyRing, KeyRole, KeyState, VerificationKey } from "../signing/key-ring/types.ts";

/** A key as an operator sees it, without its secrets. Times are in Unix milliseconds. */
export interface KeyView {
  readonly keyId: string;
  readonly clientId: string;
  readonly state: KeyState;
  readonly role: KeyRole | undefined;
  /** Patterns of the tools that it may call beside those of its role. */
  readonly tools: readonly string[];
  readonly createdAtMs: number | undefined;
  readonly notBeforeMs: number | undefined;
  readonly notAfterMs: number | undefined;
  /** `undefined` if no use is known. */
  readonly lastUsedAtMs: number | undefined;
  readonly limits: KeyLimits;
}

/** Selects one page of the keys, in the order of the ring. */
export interface KeyQuery {
  /** Only keys of this client. Default: all. */
  readonly clientId?: string;
  /** 1 to 1,000. A page of keys with long lists of tools has fewer. */
  readonly pageSize: number;
  readonly pageToken?: string;
}

/** One page of the keys. */
export interface KeyPage {
  readonly keys: readonly KeyView[];
  /** Absent if there are no more. */
  readonly nextPageToken?: string;
}

/** Length of the patterns of all keys in one page. Together with the rest of 1,000 keys they are far below 4 MiB. */
const PAGE_CHARACTERS = 1024 * 1024;

/** Last use of keys, Unix milliseconds by key id. */
export type KeyUse = ReadonlyMap<string, number>;

/** Shows a key. It names every member, so that no secret of the key gets into the result. */
export function viewOfKey(key: VerificationKey, lastUse: KeyUse): KeyView {
  const { keyId, clientId, state, role, tools = [], createdAtMs, notBeforeMs, notAfterMs, limits } = key;
  const lastUsedAtMs = lastUse.get(keyId);
  return { keyId, clientId, state, role, tools, createdAtMs, notBeforeMs, notAfterMs, lastUsedAtMs, limits };
}

/** One page of a ring's keys. The token is the id of the page's last key. Throws ARGS_INVALID naming `page_token`. */
export function pageOfKeys(ring: KeyRing, { clientId, pageSize, pageToken }: KeyQuery, lastUse: KeyUse): KeyPage {
  const keys = [...ring.keys()];
  const last = pageToken === undefined ? -1 : keys.findIndex(({ keyId }) => keyId === pageToken);
  if (pageToken !== undefined && last < 0) throw strangeToken();
  const selected = keys.slice(last + 1).filter((key) => clientId === undefined || key.clientId === clientId);
  const page = selected.slice(0, Math.min(pageSize, countThatFits(selected)));
  const token = selected.length > page.length ? page.at(-1)?.keyId : undefined;
  return { keys: page.map((key) => viewOfKey(key, lastUse)), ...(token !== undefined && { nextPageToken: token }) };
}

/** Number of the first keys, at least one, whose patterns fit into one answer. */
function countThatFits(keys: readonly VerificationKey[]): number {
  let characters = 0;
  const first = keys.findIndex(({ tools = [] }, index) => {
    for (const pattern of tools) characters += pattern.length;
    return index > 0 && characters > PAGE_CHARACTERS;
  });
  return first < 0 ? keys.length : first;
}

function strangeToken(): SealwireError {
  return new SealwireError("ARGS_INVALID", "The page token is not one of these keys; begin at the first page.", {
    violations: [{ field: "page_token", ruleId: "page_token", message: "must come from the page before" }],
  });
}
