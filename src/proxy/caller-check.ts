import { timingSafeEqual } from "node:crypto";
import { constants, type IncomingHttpHeaders } from "node:http2";
import { SealwireError } from "../errors.ts";
import { tokenDigest } from "../files/token-lines.ts";
import { isLoopbackHost } from "../runtime/loopback-host.ts";
import type { ListenAddress } from "../server/listen/address.ts";
import { toGrpcFailure } from "../wire/status.ts";
import type { Refusal } from "./native-server.ts";

/** A refused caller: what it gets, and the cause for the log. */
export interface RefusedCaller {
  readonly refusal: Refusal;
  readonly cause: string;
}

const GRPC_CONTENT = /^application\/grpc(?:\+[^;]+)?(?:;.*)?$/i;
const BEARER = /^bearer +(\S+) *$/i;
/** Headers that browsers set and pages cannot remove. */
const BROWSER_HEADER = /^(?:origin|sec-fetch-.*)$/;

/**
 * Decides by the headers of a call whether its caller may use the proxy: it speaks gRPC, is no page in a browser, knows
 * the proxy by its address, and has the token if there is one. Everything that follows is signed with the user's key.
 */
export class CallerCheck {
  readonly #tokenDigest: Buffer | undefined;
  #address: ListenAddress | undefined;

  /** `token`: what callers send as `authorization: Bearer TOKEN`; `undefined` if they need none. */
  constructor(token: string | undefined) {
    this.#tokenDigest = token === undefined ? undefined : tokenDigest(token);
  }

  /** Sets the address of the proxy, with its actual port. Before, every caller is refused. */
  listensAt(address: ListenAddress): void {
    this.#address = address;
  }

  /** The refusal of a caller; `undefined` if it is accepted. */
  check(headers: IncomingHttpHeaders): RefusedCaller | undefined {
    if (Object.keys(headers).some((name) => BROWSER_HEADER.test(name))) return http(403, "it comes from a browser");
    if (headers[constants.HTTP2_HEADER_METHOD] !== "POST") return http(405, "it is not a POST");
    if (!GRPC_CONTENT.test(headers["content-type"] ?? "")) return http(415, "it is not gRPC");
    if (!this.#isOwn(String(headers[constants.HTTP2_HEADER_AUTHORITY] ?? headers.host))) return FOREIGN_AUTHORITY;
    return this.#hasToken(headers.authorization) ? undefined : WITHOUT_TOKEN;
  }

  /**
   * A page can make its own host name resolve to loopback, and then sends that name. On a unix socket, clients send
   * whatever their library chooses, and no browser can reach it.
   */
  #isOwn(authority: string): boolean {
    if (this.#address === undefined) return false;
    if (this.#address.kind === "unix") return true;
    const [, v6, name, port] = /^(?:\[([0-9a-f:]+)\]|([^:[\]]+)):(\d+)$/i.exec(authority) ?? [];
    return Number(port) === this.#address.port && isLoopbackHost((v6 ?? name ?? "").toLowerCase());
  }

  #hasToken(authorization: string | undefined): boolean {
    if (this.#tokenDigest === undefined) return true;
    const [, token] = BEARER.exec(authorization ?? "") ?? [];
    return token !== undefined && timingSafeEqual(tokenDigest(token), this.#tokenDigest);
  }
}

function http(httpStatus: number, cause: string): RefusedCaller {
  return { refusal: { httpStatus }, cause };
}

const FOREIGN_AUTHORITY: RefusedCaller = {
  refusal: toGrpcFailure(
    new SealwireError("TOOL_FORBIDDEN", "Call the proxy as localhost, 127.0.0.1 or [::1] with its own port."),
  ),
  cause: "its :authority is not the proxy's address",
};

const WITHOUT_TOKEN: RefusedCaller = {
  refusal: toGrpcFailure(
    new SealwireError(
      "TOOL_FORBIDDEN",
      "Send the token in the proxy's --token-file as `authorization: Bearer TOKEN`.",
      {
        status: "UNAUTHENTICATED",
      },
    ),
  ),
  cause: "it has no valid token",
};
