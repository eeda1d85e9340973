import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { BatchSumRequest } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { JobProgress } from "../../gen/sealwire/v1/job.ts";
import type { OutputBytes, ToolContext } from "../../src/tools/handler.ts";
import { implement, type MessageCodec } from "../../src/tools/implement.ts";
import { methodOptions } from "./test-service.ts";

/* A tool service with one job method that streams its response. */

/** A message of the stream. */
export interface Count {
  readonly progress?: JobProgress | undefined;
  readonly count?: number;
}

/** The codec of a message of the stream. Decodes the output only. */
export const COUNT: MessageCodec<Count> = {
  encode({ progress, count = 0 }) {
    const writer = new BinaryWriter();
    if (count !== 0) writer.uint32(16).int32(count);
    if (progress !== undefined) writer.uint32(10).bytes(JobProgress.encode(progress).finish());
    return writer;
  },
  decode(bytes) {
    const reader = new BinaryReader(bytes);
    let count = 0;
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      if (number === 2) count = reader.int32();
      else reader.skip(type, number);
    }
    return { count };
  },
};

/** A handler of the method. */
export type CountHandler = (numbers: number[], context: ToolContext) => AsyncIterable<Count | OutputBytes>;

/** Options of {@link countingService}. */
export interface CountingOptions {
  readonly isJob?: boolean;
  /** The names of the response's fields of type JobProgress. */
  readonly progressFields?: readonly string[];
  readonly run?: CountHandler;
}

/** A service with one streaming method, `CountUp`. */
export function countingService({
  isJob = true,
  progressFields = ["progress"],
  run = async function* () {},
}: CountingOptions) {
  const progress = progressFields.map((name, index) => ({
    name,
    number: index === 0 ? 1 : 2 + index,
    label: Label.OPTIONAL,
    type: Type.MESSAGE,
    typeName: ".sealwire.v1.JobProgress",
  }));
  const file = create(FileDescriptorProtoSchema, {
    name: "test/v1/counting.proto",
    package: "test.v1",
    syntax: "proto3",
    dependency: ["sealwire/demo/v1/batch_sum.proto", "sealwire/v1/job.proto", "sealwire/v1/options.proto"],
    messageType: [
      {
        name: "CountUpResponse",
        field: [...progress, { name: "count", number: 2, label: Label.OPTIONAL, type: Type.INT32 }],
      },
    ],
    service: [
      {
        name: "CountingService",
        method: [
          {
            name: "CountUp",
            inputType: ".sealwire.demo.v1.BatchSumRequest",
            outputType: ".test.v1.CountUpResponse",
            serverStreaming: true,
            options: methodOptions({ ...(isJob && { job: { maxAttempts: 2 } }) }),
          },
        ],
      },
    ],
  });
  const definition = {
    name: "CountingService",
    fullName: "test.v1.CountingService",
    methods: {
      countUp: {
        name: "CountUp",
        requestType: BatchSumRequest,
        responseType: COUNT,
        requestStream: false,
        responseStream: true,
        options: {},
      },
    },
  } as const;
  const tools = implement(definition, { countUp: ({ numbers }, context) => run(numbers, context) });
  const set = create(FileDescriptorSetSchema, { file: [file] });
  return { tools: [tools], descriptors: [toBinary(FileDescriptorSetSchema, set)] };
}

/** A progress report. */
export function progressOf(completed: number, total: number): JobProgress {
  return { completed: BigInt(completed), total: BigInt(total), message: `${completed} of ${total}` };
}
