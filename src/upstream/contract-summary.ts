import type { DescMessage, DescMethod } from "@bufbuild/protobuf";
import { SealwireError } from "../errors.ts";
import { describeTool, isStreamingJob, methodPath } from "../tools/tool.ts";
import { builtinDescriptorSet, type Image, readImage } from "../wire/descriptors.ts";
import { isSameFile } from "./contract.ts";

/** A method of a contract that can be offered as a tool. */
export interface ContractTool {
  readonly name: string;
  readonly method: string;
  readonly kind: "call" | "job" | "streaming job";
  /** Fields that the progress messages of a streaming job lose. */
  readonly dropped: readonly string[];
}

/** The tools of services. Throws OPTIONS_INVALID for a method that cannot be a tool, and for a missing service. */
export function contractTools(image: Image, services: readonly string[]): readonly ContractTool[] {
  return services.flatMap((name) => {
    const service = image.registry.getService(name);
    if (service === undefined) throw new SealwireError("OPTIONS_INVALID", `The descriptors do not contain ${name}.`);
    return service.methods.map((method) => contractTool(image, method));
  });
}

/** The names of the files that differ between two serialized FileDescriptorSets, apart from comments. */
export function changedFiles(pinned: Uint8Array, actual: Uint8Array): readonly string[] {
  const one = readImage(pinned, builtinDescriptorSet()).files;
  const two = readImage(actual, builtinDescriptorSet()).files;
  const names = new Set([...one.keys(), ...two.keys()]);
  const isSame = (name: string): boolean => {
    const [before, after] = [one.get(name), two.get(name)];
    return before !== undefined && after !== undefined && isSameFile(before, after);
  };
  return [...names].filter((name) => !isSame(name)).sort();
}

function contractTool(image: Image, method: DescMethod): ContractTool {
  const { name, job } = describeTool(image, method);
  if (method.methodKind === "server_streaming" && job === undefined) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `${methodPath(method)} streams its response without being a job; leave its service out, or give it the option (sealwire.v1.job).`,
    );
  }
  const isStream = isStreamingJob(image, method);
  const ofJob = isStream ? "streaming job" : "job";
  return {
    name,
    method: methodPath(method),
    kind: job === undefined ? "call" : ofJob,
    dropped: isStream ? outputFields(method.output) : [],
  };
}

function outputFields({ fields }: DescMessage): readonly string[] {
  return fields.filter(({ message }) => message?.typeName !== "sealwire.v1.JobProgress").map(({ name }) => name);
}
