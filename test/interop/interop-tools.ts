import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { JobProgress } from "../../gen/sealwire/v1/job.ts";
import { implement, type MessageCodec } from "../../src/tools/implement.ts";

/* The tools of proto/interop/v1, for `sealwire serve --tools`: without generated code, messages are their bytes. */

const ROOT = join(import.meta.dirname, "..", "..");
const MODULES = { version: "v2", modules: [{ path: "proto" }, { path: "test/interop/proto" }, { path: "dist/proto" }] };
const A_DAY_MS = 86_400_000;
const TRACEPARENT_FIELD = 1;
const NUMBER_FIELD = 1;
const PROGRESS_FIELD = 1;
const HEIGHT_FIELD = 2;

const bytes: MessageCodec<Uint8Array> = { decode: (input) => input, encode: (message) => ({ finish: () => message }) };

function method<N extends string>(name: N) {
  return {
    name,
    requestType: bytes,
    responseType: bytes,
    requestStream: false,
    responseStream: false,
    options: {},
  } as const;
}

/** Counts the executions of `record`. */
let recorded = 0n;

/** Reads a ClimbRequest. */
function readClimb(request: Uint8Array): { readonly steps: number; readonly stepMs: number } {
  const numbers = new Map<number, number>();
  const reader = new BinaryReader(request);
  while (reader.pos < reader.len) numbers.set(reader.tag()[0], reader.int32());
  return { steps: numbers.get(1) ?? 0, stepMs: numbers.get(2) ?? 0 };
}

function buildDescriptors(): Uint8Array {
  const from = ["--config", JSON.stringify(MODULES), "--path", "test/interop/proto/interop"];
  const args = ["build", ...from, "--as-file-descriptor-set", "--output", "-"];
  const built = spawnSync(join(ROOT, "node_modules/.bin/buf"), args, { cwd: ROOT });
  if (built.status !== 0) throw new Error(`buf cannot build test/interop/proto: ${built.stderr}`);
  return built.stdout;
}

/** The contract of the tools. */
export const descriptors = [buildDescriptors()];

/** The tools. */
export const tools = [
  implement(
    {
      name: "InteropToolService",
      fullName: "interop.v1.InteropToolService",
      methods: {
        climb: { ...method("Climb"), responseStream: true },
        echo: method("Echo"),
        record: method("Record"),
        refuse: method("Refuse"),
        sleep: method("Sleep"),
        trace: method("Trace"),
      },
    },
    {
      async *climb(request, { signal }) {
        const { steps, stepMs } = readClimb(request);
        for (let step = 1; step <= steps; step += 1) {
          await sleep(stepMs, undefined, { signal });
          const progress = JobProgress.encode({
            completed: BigInt(step),
            total: BigInt(steps),
            message: `step ${step}`,
          });
          yield new BinaryWriter().tag(PROGRESS_FIELD, WireType.LengthDelimited).bytes(progress.finish()).finish();
        }
        yield new BinaryWriter().tag(HEIGHT_FIELD, WireType.Varint).int64(steps).finish();
      },

      echo: (request) => request,

      record: () => {
        recorded += 1n;
        return new BinaryWriter().tag(NUMBER_FIELD, WireType.Varint).int64(recorded).finish();
      },

      refuse: () => {
        throw new Error("the rule of RefuseRequest let a request pass");
      },

      async sleep(_request, { signal }) {
        await sleep(A_DAY_MS, undefined, { signal });
        return new Uint8Array();
      },

      trace: (_request, { traceparent = "" }) =>
        new BinaryWriter().tag(TRACEPARENT_FIELD, WireType.LengthDelimited).string(traceparent).finish(),
    },
  ),
  implement(
    { name: "RelayToolService", fullName: "interop.relay.v1.RelayToolService", methods: { keep: method("Keep") } },
    { keep: () => new Uint8Array() },
  ),
];
