import type { KeyView } from "../../operator/key-view.ts";
import { actorOf } from "../actor.ts";
import type { KeyRow, KeysAnswer } from "../answers.ts";
import type { Route } from "../route.ts";
import type { ConsoleSource } from "../source.ts";

const INTERVAL_MS = 2_000;
/** Number of keys that are shown. */
const KEYS_MOST = 1_000;

/** The routes of the page Keys. */
export function keyRoutes({ operator }: ConsoleSource): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/api/keys",
      role: "viewer",
      intervalMs: INTERVAL_MS,
      async answer(request): Promise<KeysAnswer> {
        const { keys, nextPageToken } = await operator.listKeys(actorOf(request), { pageSize: KEYS_MOST });
        return { keys: keys.map(keyRow), isCut: nextPageToken !== undefined };
      },
    },
    {
      method: "POST",
      path: "/api/keys/*/retire",
      role: "operator",
      async answer(request): Promise<KeyRow> {
        return keyRow(await operator.retireKey(actorOf(request), { keyId: request.name }));
      },
    },
    {
      method: "POST",
      path: "/api/keys/*/revoke",
      role: "operator",
      async answer(request): Promise<KeyRow> {
        return keyRow(await operator.revokeKey(actorOf(request), request.name));
      },
    },
  ];
}

function keyRow(key: KeyView): KeyRow {
  const { keyId, clientId, role, state, createdAtMs, notBeforeMs, notAfterMs, lastUsedAtMs, tools, limits } = key;
  return {
    ...{ keyId, client: clientId, state, tools },
    ...(role !== undefined && { role }),
    ...(createdAtMs !== undefined && { createdAtMs }),
    ...(notBeforeMs !== undefined && { notBeforeMs }),
    ...(notAfterMs !== undefined && { notAfterMs }),
    ...(lastUsedAtMs !== undefined && { lastUsedAtMs }),
    limits: { ...limits },
  };
}
