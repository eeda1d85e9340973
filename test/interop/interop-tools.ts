import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { implement, type MessageCodec } from "../../src/tools/implement.ts";

/* The tools of proto/interop/v1, for `sealwire serve --tools`: without generated code, messages are their bytes. */

const ROOT = join(import.meta.dirname, "..", "..");
const MODULES = { version: "v2", modules: [{ path: "test/interop/proto" }, { path: "dist/proto" }] };
const A_DAY_MS = 86_400_000;
const TRACEPARENT_FIELD = 1;

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
      methods: { echo: method("Echo"), refuse: method("Refuse"), sleep: method("Sleep"), trace: method("Trace") },
    },
    {
      echo: (request) => request,

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
