import { SealwireClient } from "../../src/client/client.ts";
import { tokenDigest } from "../../src/files/token-lines.ts";
import { type HttpBridge, serveHttp } from "../../src/mcp/bridge/http/serve-http.ts";
import { parseCredentials } from "../../src/signing/key-ring/credentials.ts";
import type { SealwireTarget } from "../variants/sealwire.ts";
import { answerParent } from "./answering.ts";
import { usage } from "./usage.ts";

let client: SealwireClient | undefined;
let bridge: HttpBridge | undefined;

const questions = {
  /** Starts the bridge of a server, for callers with `token`. Returns its port. */
  async serve({ address, credentials, token }: SealwireTarget & { readonly token: string }): Promise<number> {
    const parsed = parseCredentials(Buffer.from(credentials));
    client = new SealwireClient({ credentials: parsed, address });
    const source = { current: () => parsed, renew: async () => false };
    const principal = { name: "bench", digest: tokenDigest(token), credentials: source, client };
    bridge = await serveHttp({ listen: "127.0.0.1:0", principals: [principal] });
    return Number(new URL(bridge.url).port);
  },
  usage,
};

/** The questions of the process that runs a bridge. */
export type BridgeQuestions = typeof questions;

answerParent(questions, async () => {
  await bridge?.[Symbol.asyncDispose]();
  await client?.[Symbol.asyncDispose]();
});
