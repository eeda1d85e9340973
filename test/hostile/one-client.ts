import { StartLongTaskRequest } from "../../gen/sealwire/demo/v1/start_long_task.ts";
import { RawClient, type RawFrame, type RawRequest, signRaw } from "../support/raw-client.ts";
import type { Begun, Target } from "./hostile-site.ts";
import { count } from "./measured.ts";

/** What came back in an attack: how many answers, by reason; "" for success. */
export type Answers = Record<string, number>;

/** Sends what `next` gives, `atOnce` at a time, until it is ended; counts the answers. */
export async function flood(
  target: Target,
  { connections, atOnce, next }: { connections: number; atOnce: number; next: (index: number) => RawFrame },
): Promise<Begun & { readonly answers: Answers }> {
  const credentials = target.credentials("mallory");
  const clients = Array.from({ length: connections }, () => new RawClient(target.address, credentials));
  const answers: Answers = {};
  let index = 0;
  let isOver = false;
  const callers = Array.from({ length: atOnce }, async (_, caller) => {
    const client = clients[caller % connections] as RawClient;
    while (!isOver) {
      const { reason = "" } = await client.send(next(index++));
      answers[reason] = (answers[reason] ?? 0) + 1;
    }
  });
  return {
    answers,
    count: () => count(answers),
    async end() {
      isOver = true;
      await Promise.all(callers);
      for (const client of clients) client[Symbol.dispose]();
      console.log(`  answers: ${JSON.stringify(answers)}`);
    },
  };
}

/** Signs requests before the attack: what it costs to sign is not to be measured. */
export function signedBefore(target: Target, count: number, request: (index: number) => RawRequest): RawFrame[] {
  const credentials = target.credentials("mallory");
  return Array.from({ length: count }, (_, index) => signRaw(credentials, request(index)));
}

/** A call of start_long_task whose payload holds a list of so many empty Values, which no encoder of a Struct writes. */
export function emptyValues(count: number): RawRequest {
  const values = Buffer.alloc(2 * count, Buffer.from([0x0a, 0x00]));
  const entry = Buffer.concat([lengthDelimited(1, Buffer.from("k")), lengthDelimited(2, lengthDelimited(6, values))]);
  return longTask(lengthDelimited(2, lengthDelimited(1, entry)));
}

/** The same with so many entries of a map. */
export function mapEntries(count: number): RawRequest {
  const entries = Array.from({ length: count }, (_, index) => {
    const key = lengthDelimited(1, Buffer.from(`key ${index}`));
    return lengthDelimited(1, Buffer.concat([key, lengthDelimited(2, Buffer.from([8, 0]))]));
  });
  return longTask(lengthDelimited(2, Buffer.concat(entries)));
}

function longTask(payload: Buffer): RawRequest {
  const value = Buffer.concat([StartLongTaskRequest.encode({ seconds: 1, payload: undefined }).finish(), payload]);
  return { tool: "start_long_task", type: "sealwire.demo.v1.StartLongTaskRequest", value };
}

function lengthDelimited(number: number, content: Buffer): Buffer {
  const length: number[] = [];
  let rest = content.length;
  for (; rest > 0x7f; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, rest]), content]);
}
