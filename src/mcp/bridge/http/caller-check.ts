import { timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { tokenDigest } from "../../../files/token-lines.ts";
import { isOwnHost, type OwnAddress } from "../../../server/listen/own-host.ts";
import type { TokenEntry } from "./token-file.ts";

/** A refused request: its HTTP status, what it gets, and the cause for the log. */
export interface RefusedRequest {
  readonly status: 401 | 403 | 404 | 405;
  readonly message: string;
}

/** The path of the endpoint. */
export const MCP_PATH = "/mcp";

const BEARER = /^bearer +(\S+) *$/i;

/** Decides by its head alone who sends a request, and whether it is served. */
export class CallerCheck<P extends Pick<TokenEntry, "digest">> {
  readonly #principals: readonly P[];
  readonly #address: OwnAddress;

  constructor(principals: readonly P[], address: OwnAddress) {
    this.#principals = principals;
    this.#address = address;
  }

  /** The principal of a request, or its refusal. */
  check(method: string, url: string, headers: IncomingHttpHeaders): P | RefusedRequest {
    if (!isOwnHost(headers.host, this.#address, { withPort: true }))
      return refused(403, "Call the bridge by its own address: Host is another.");
    const { origin } = headers;
    if (origin !== undefined && !isOwnHost(hostOf(origin), this.#address, { withPort: false })) {
      return refused(403, "Origin is another: the bridge serves no pages of other sites.");
    }
    const principal = this.#find(headers.authorization);
    if (principal === undefined)
      return refused(401, "Send a token of the token file as `Authorization: Bearer TOKEN`.");
    if (url.split("?")[0] !== MCP_PATH) return refused(404, `The endpoint is ${MCP_PATH}.`);
    // There are no sessions, and no streams that a client opens by itself.
    if (method !== "POST") return refused(405, "Send messages with POST.");
    return principal;
  }

  /** Compares with all tokens, so that the time does not depend on which one it is. */
  #find(authorization: string | undefined): P | undefined {
    const [, token] = BEARER.exec(authorization ?? "") ?? [];
    if (token === undefined) return undefined;
    const digest = tokenDigest(token);
    return this.#principals.filter((each) => timingSafeEqual(each.digest, digest))[0];
  }
}

/** True for a refusal. */
export function isRefused(checked: object): checked is RefusedRequest {
  return "status" in checked;
}

/** The host of an origin with its port, as in a Host header; `undefined` for one without, such as "null". */
function hostOf(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/i.exec(origin)?.[1];
}

function refused(status: RefusedRequest["status"], message: string): RefusedRequest {
  return { status, message };
}
