import { hash } from "node:crypto";
import type { CryptoKey, SignJWT } from "jose";
import type { Clock } from "../runtime/clock.ts";
import type { Random } from "../runtime/random.ts";
import type { ToolContext } from "../tools/handler.ts";
import type { AssertionOptions } from "./options.ts";

/** The run that an assertion is for. */
export interface AssertedRun {
  readonly serverId: string;
  readonly tool: string;
  readonly context: ToolContext;
  /** The bytes of the request message. */
  readonly args: Uint8Array;
}

/** Lifetime of an assertion, in seconds. */
const LIFETIME_S = 60;

/** A key in the form that signs. */
interface SigningKey {
  readonly kid: string;
  readonly key: CryptoKey | Uint8Array;
}

/**
 * Signs the assertions for an upstream (docs/upstreams.md): compact JSON Web Tokens with ES256, each for one run, its
 * client, tool and arguments.
 */
export class AssertionSigner {
  readonly #audience: string;
  readonly #keyPath: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #newToken: typeof SignJWT;
  #key: SigningKey;

  private constructor(parts: SignerParts, newToken: typeof SignJWT, key: SigningKey) {
    this.#audience = parts.options.audience;
    this.#keyPath = parts.options.keyPath;
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#newToken = newToken;
    this.#key = key;
  }

  /** Throws OPTIONS_INVALID if the key file cannot be used. */
  static async open(parts: SignerParts): Promise<AssertionSigner> {
    // Loaded on demand: few servers sign assertions.
    const { SignJWT: newToken } = await import("jose");
    return new AssertionSigner(parts, newToken, await loadKey(parts.options.keyPath));
  }

  /** Reads the key file again. Throws OPTIONS_INVALID and keeps the previous key if it cannot be used. */
  async renew(): Promise<void> {
    this.#key = await loadKey(this.#keyPath);
  }

  async sign({ serverId, tool, context, args }: AssertedRun): Promise<string> {
    const { kid, key } = this.#key;
    const nowS = Math.floor(this.#clock.nowMs() / 1000);
    const claims = {
      iss: serverId,
      aud: this.#audience,
      sub: context.clientId,
      jti: this.#random.uuid(),
      iat: nowS,
      exp: nowS + LIFETIME_S,
      tool,
      attempt: context.attempt,
      args_sha256: hash("sha256", args, "base64url"),
    };
    return new this.#newToken(claims).setProtectedHeader({ alg: "ES256", typ: "JWT", kid }).sign(key);
  }
}

/** Options of {@link AssertionSigner.open}. */
export interface SignerParts {
  readonly options: AssertionOptions;
  readonly clock: Clock;
  readonly random: Random;
}

async function loadKey(path: string): Promise<SigningKey> {
  const [{ readKeys, toJwk }, { importJWK }] = await Promise.all([import("./assertion-keys.ts"), import("jose")]);
  const { signing } = await readKeys(path);
  return { kid: signing.kid, key: await importJWK(toJwk(signing), "ES256") };
}
