import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { DemoToolServiceDefinition } from "../../gen/sealwire/demo/v1/demo_tool_service.ts";
import { type Clock, sleep, systemClock } from "../runtime/clock.ts";
import { outputBytes } from "./handler.ts";
import { implement, type ToolImplementation } from "./implement.ts";

const PROGRESS_INTERVAL_MS = 250;
const REQUEST_PAYLOAD_FIELD = 2;
const RESPONSE_PAYLOAD_FIELD = 1;

/**
 * Two tools for trying out a server: `batch_sum` and the job `start_long_task`.
 *
 * @example
 * ```ts
 * await using server = await createServer({ keyRing, store, tools: [demoTools()] });
 * ```
 */
export function demoTools(clock: Clock = systemClock): ToolImplementation {
  return implement(DemoToolServiceDefinition, {
    batchSum: ({ numbers }) => ({
      count: numbers.length,
      total: numbers.reduce((total, number) => total + number, 0),
    }),

    async startLongTask({ seconds }, { args, signal, progress }) {
      const totalMs = seconds * 1000;
      const startMs = clock.monotonicMs();
      for (;;) {
        const elapsedMs = Math.min(Math.round(clock.monotonicMs() - startMs), totalMs);
        progress(elapsedMs, totalMs, `${Math.floor(elapsedMs / 1000)} of ${seconds} s`);
        if (elapsedMs === totalMs) return outputBytes(copyPayload(args));
        await sleep(clock, Math.min(PROGRESS_INTERVAL_MS, totalMs - elapsedMs), signal);
      }
    },
  });
}

/**
 * Copies the payload from the bytes of the request to those of the response. Generated types would lose -0, `__proto__`
 * keys and unset values of a Struct.
 */
function copyPayload(request: Uint8Array): Uint8Array {
  const reader = new BinaryReader(request);
  const writer = new BinaryWriter();
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === REQUEST_PAYLOAD_FIELD) {
      writer.tag(RESPONSE_PAYLOAD_FIELD, WireType.LengthDelimited).bytes(reader.bytes());
    } else {
      reader.skip(wireType, field);
    }
  }
  return writer.finish();
}
