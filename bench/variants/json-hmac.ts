import { createHmac, createSecretKey, type KeyObject, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Http1Load } from "../load/http1-load.ts";
import type { Variant } from "./variant.ts";
import { batchSum, NUMBERS } from "./work.ts";

type Json = Readonly<Record<string, unknown>>;

/** The address of the server and the shared secret. */
export interface JsonHmacTarget {
  readonly port: number;
  readonly secret: Uint8Array;
}

/**
 * The scheme of common tutorials: JSON with sorted keys and an HMAC in both directions, over node:http. It checks the
 * signature and the shape of the request, but not the clock, replays or the binding of an answer to its request.
 */
export const jsonHmac: Variant<JsonHmacTarget> = {
  title: "canonical JSON + HMAC, node:http",

  async serve() {
    const secret = randomBytes(32);
    const key = createSecretKey(secret);
    const server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8");
      request.on("data", (text: string) => (body += text));
      request.on("end", () => {
        const answer = JSON.stringify(answerTo(JSON.parse(body) as Json, key));
        response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(answer) });
        response.end(answer);
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return { target: { port, secret }, [Symbol.asyncDispose]: async () => void server.close() };
  },

  async connect({ port, secret }) {
    const key = createSecretKey(secret);
    const makeBody = (): string =>
      JSON.stringify(
        signed(
          {
            v: "mcp/0.1",
            request_id: randomUUID(),
            ts_ms: Date.now(),
            client_id: "alice",
            server_id: "test-server",
            tool: "batch_sum",
            args: { numbers: NUMBERS },
            nonce: randomBytes(16).toString("hex"),
          },
          key,
        ),
      );
    return new Http1Load({ port, path: "/", headers: {}, makeBody, expected: '"result":{"count":3,"total":6.5}' });
  },
};

const FIELDS = ["args", "client_id", "nonce", "request_id", "server_id", "signature", "tool", "ts_ms", "v"];

function answerTo(request: Json, key: KeyObject): Json {
  const { signature, ...envelope } = request;
  const { numbers } = envelope.args as { readonly numbers: readonly number[] };
  const right =
    Object.keys(request).sort().join() === FIELDS.join() &&
    timingSafeEqual(Buffer.from(String(signature), "hex"), hmac(envelope, key)) &&
    envelope.tool === "batch_sum" &&
    numbers.length > 0 &&
    numbers.every((number) => typeof number === "number");
  const common = { v: "mcp/0.1", request_id: envelope.request_id, ts_ms: Date.now(), server_id: "test-server" };
  return right
    ? signed({ ...common, ok: true, status: "ok", result: batchSum(numbers) }, key)
    : signed({ ...common, ok: false, status: "error", error: "refused" }, key);
}

function signed(message: Json, key: KeyObject): Json {
  return { ...message, signature: hmac(message, key).toString("hex") };
}

function hmac(message: Json, key: KeyObject): Buffer {
  return createHmac("sha256", key).update(canonical(message)).digest();
}

/** JSON with sorted keys in every object. */
function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join()}}`;
}
