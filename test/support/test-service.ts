import { create, toBinary } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  type MethodOptions,
  MethodOptions_IdempotencyLevel,
  MethodOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { BatchSumRequest, BatchSumResponse } from "../../gen/sealwire/demo/v1/batch_sum.ts";
import { JobPolicy } from "../../gen/sealwire/v1/options.ts";
import type { ToolContext } from "../../src/tools/handler.ts";
import { implement, type ServiceDefinition, type ToolImplementation } from "../../src/tools/implement.ts";

/** A tool of a test. It receives numbers and returns a count and a total. */
export interface TestTool {
  /** Makes it a job tool. */
  readonly job?: Partial<JobPolicy>;
  readonly idempotent?: boolean;
  readonly run: (numbers: number[], context: ToolContext) => Promise<number> | number;
}

const JOB_OPTION_FIELD = 50610;
const LENGTH_DELIMITED = 2;
/** Full name of the request message of every test tool. */
export const TEST_INPUT = "sealwire.demo.v1.BatchSumRequest";

/** Makes a tool service for one test, with its descriptors. Method names are as in a contract, for example "AddUp". */
export function testService(
  methods: Readonly<Record<string, TestTool>>,
  packageName = "test.v1",
): {
  readonly tools: ToolImplementation;
  readonly descriptors: Uint8Array;
} {
  const file = create(FileDescriptorProtoSchema, {
    name: "test/v1/test_service.proto",
    package: packageName,
    syntax: "proto3",
    dependency: ["sealwire/demo/v1/batch_sum.proto", "sealwire/v1/options.proto"],
    service: [
      {
        name: "TestService",
        method: Object.entries(methods).map(([name, tool]) => ({
          name,
          inputType: `.${TEST_INPUT}`,
          outputType: ".sealwire.demo.v1.BatchSumResponse",
          options: methodOptions(tool),
        })),
      },
    ],
  });
  const definition: ServiceDefinition = {
    name: "TestService",
    fullName: `${packageName}.TestService`,
    methods: Object.fromEntries(Object.keys(methods).map((name) => [name, methodDefinition(name)])),
  };
  const handlers = Object.fromEntries(
    Object.entries(methods).map(([name, tool]) => [
      name,
      async ({ numbers }: BatchSumRequest, context: ToolContext) => ({
        count: numbers.length,
        total: await tool.run(numbers, context),
      }),
    ]),
  );
  return {
    tools: implement(definition, handlers),
    descriptors: toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file] })),
  };
}

/** Serialized arguments of a test tool. */
export function testArgs(...numbers: number[]): Uint8Array {
  return BatchSumRequest.encode({ numbers }).finish();
}

function methodDefinition(name: string): ServiceDefinition["methods"][string] {
  return {
    name,
    requestType: BatchSumRequest,
    responseType: BatchSumResponse,
    requestStream: false,
    responseStream: false,
    options: {},
  };
}

/** The options of a method. */
export function methodOptions({ job, idempotent }: Pick<TestTool, "job" | "idempotent">): MethodOptions {
  const options = create(MethodOptionsSchema, {
    idempotencyLevel: idempotent
      ? MethodOptions_IdempotencyLevel.IDEMPOTENT
      : MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
  });
  if (job !== undefined) {
    const policy = JobPolicy.encode(JobPolicy.fromPartial(job)).finish();
    const data = Buffer.concat([Buffer.from([policy.length]), policy]);
    options.$unknown = [{ no: JOB_OPTION_FIELD, wireType: LENGTH_DELIMITED, data }];
  }
  return options;
}
