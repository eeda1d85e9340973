import { join } from "node:path";
import { implement, type MessageCodec, type ToolImplementation } from "../../../src/tools/implement.ts";
import { ROOT } from "../../architecture/source-files.ts";
import { CONTRACT_FOLDERS, everyContract } from "../../schema/contracts.ts";
import { buildDescriptors } from "../../support/build-descriptors.ts";

/* Every service of the repository as tools that do nothing, to see how they are listed. */

const bytes: MessageCodec<Uint8Array> = { decode: (input) => input, encode: (message) => ({ finish: () => message }) };
/** Not tools, or tools that every server has. */
const OTHERS = /^(?:sealwire\.(?:v1|system)|grpc|google)\./;

/** The descriptors of every contract besides those of the package. */
export function everyDescriptor(): readonly Uint8Array[] {
  return [buildDescriptors(CONTRACT_FOLDERS.map((folder) => join(ROOT, folder)))];
}

/** Every service, in as few groups as the names of tools allow: a server has each name once. */
export function everyService(): readonly (readonly ToolImplementation[])[] {
  const groups: { readonly names: Set<string>; readonly services: ToolImplementation[] }[] = [];
  for (const service of everyContract().registry) {
    if (service.kind !== "service" || OTHERS.test(service.typeName)) continue;
    const names = service.methods.map(({ name }) => name);
    const made = idle(service.name, service.typeName, service.methods);
    const free = groups.find((group) => names.every((name) => !group.names.has(name)));
    if (free === undefined) groups.push({ names: new Set(names), services: [made] });
    else {
      for (const name of names) free.names.add(name);
      free.services.push(made);
    }
  }
  return groups.map(({ services }) => services);
}

interface Method {
  readonly name: string;
  readonly methodKind: string;
}

function idle(name: string, fullName: string, methods: readonly Method[]): ToolImplementation {
  const definition = {
    name,
    fullName,
    methods: Object.fromEntries(
      methods.map((method) => [
        method.name,
        {
          name: method.name,
          requestType: bytes,
          responseType: bytes,
          requestStream: false,
          responseStream: method.methodKind === "server_streaming",
          options: {},
        },
      ]),
    ),
  };
  const handlers = Object.fromEntries(methods.map((method) => [method.name, () => new Uint8Array()]));
  return implement(definition, handlers as never);
}
