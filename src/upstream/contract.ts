import { type DescService, fromBinary, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { SealwireError } from "../errors.ts";
import { readRegularFile } from "../files/regular-file.ts";
import { builtinDescriptorSet, type Image, imageWith, readImage } from "../wire/descriptors.ts";
import type { ResolvedUpstream } from "./options.ts";

/** The pinned contract of an upstream. */
export interface UpstreamContract {
  readonly upstream: ResolvedUpstream;
  /** The serialized FileDescriptorSet. */
  readonly descriptors: Uint8Array;
  /** They and Sealwire's own contract. */
  readonly image: Image;
}

/** Packages whose files are the same for everybody: the first definition is used. */
const SHARED_FILES = /^(?:google|buf\/validate|sealwire|grpc)\//;
/** Packages whose services are never tools. */
const NO_TOOLS = /^(?:google|grpc|sealwire)\./;

/** Maximum size of a FileDescriptorSet. Reading it delays everything else in the process. */
export const MAX_DESCRIPTORS_BYTES = 16 * 1024 * 1024;

/** Reads the descriptors of an upstream. Throws OPTIONS_INVALID naming the upstream and the file. */
export function readContract(upstream: ResolvedUpstream): UpstreamContract {
  const { name, descriptors: given } = upstream;
  try {
    const read = (path: string) => readRegularFile({ path, what: "The file", maxBytes: MAX_DESCRIPTORS_BYTES });
    const descriptors = typeof given === "string" ? read(given) : given;
    return { upstream, descriptors, image: readImage(builtinDescriptorSet(), descriptors) };
  } catch (cause) {
    if (!(cause instanceof SealwireError)) throw cause;
    const where = typeof given === "string" ? ` in ${given}` : "";
    throw new SealwireError("OPTIONS_INVALID", `The descriptors of the upstream "${name}"${where}: ${cause.message}`, {
      cause,
    });
  }
}

/** The image of several contracts. Throws OPTIONS_INVALID if two of them have different files of one name. */
export function imageOf(descriptors: readonly Uint8Array[], contracts: readonly UpstreamContract[]): Image {
  const first = imageWith(descriptors);
  const owners = new Map<string, { readonly who: string; readonly file: Uint8Array }>();
  for (const [name, file] of first.files) owners.set(name, { who: "this server", file });
  for (const { upstream, image: own } of contracts) {
    const who = `the upstream "${upstream.name}"`;
    for (const [name, file] of own.files) {
      const other = owners.get(name);
      if (other === undefined) owners.set(name, { who, file });
      else if (!SHARED_FILES.test(name) && !isSameFile(other.file, file)) {
        throw new SealwireError(
          "OPTIONS_INVALID",
          `The file ${name} of ${who} differs from that of ${other.who}; give both the same contract, or rename the file.`,
        );
      }
    }
  }
  const image = imageWith([...descriptors, ...contracts.map(({ descriptors: set }) => set)]);
  for (const contract of contracts) checkTypes(contract, image);
  return image;
}

/** The services whose methods an upstream offers. Throws OPTIONS_INVALID if a service in the options does not exist. */
export function offeredServices({ upstream, image: own }: UpstreamContract, image: Image): readonly DescService[] {
  const { name, services } = upstream;
  if (services !== undefined) {
    return services.map((service) => {
      const found = image.registry.getService(service);
      if (found !== undefined) return found;
      throw new SealwireError(
        "OPTIONS_INVALID",
        `The services of the upstream "${name}" contain ${service}, which its descriptors do not.`,
      );
    });
  }
  const found = [...image.registry].filter(
    (type) =>
      type.kind === "service" && !NO_TOOLS.test(type.typeName) && own.registry.getService(type.typeName) !== undefined,
  ) as DescService[];
  if (found.length > 0) return found;
  throw new SealwireError("OPTIONS_INVALID", `The descriptors of the upstream "${name}" contain no service.`);
}

/** Two files that define one type would make the meaning of its name depend on their order. */
function checkTypes({ upstream, image: own }: UpstreamContract, image: Image): void {
  for (const type of [...own.registry.files].flatMap((file) => [...nestedTypes(file)])) {
    if (type.kind === "extension" || image.registry.get(type.typeName)?.file.name === type.file.name) continue;
    throw new SealwireError(
      "OPTIONS_INVALID",
      `${type.typeName} of the upstream "${upstream.name}" is in ${type.file.name}.proto and in another file, too; define it once.`,
    );
  }
}

/** Compares two serialized files without what differs between compilers: comments, and JSON names that are the default. */
export function isSameFile(one: Uint8Array, two: Uint8Array): boolean {
  return Buffer.compare(normalized(one), normalized(two)) === 0;
}

function normalized(bytes: Uint8Array): Uint8Array {
  const file = fromBinary(FileDescriptorProtoSchema, bytes);
  file.sourceCodeInfo = undefined;
  const messages = [...file.messageType];
  for (const message of messages) {
    messages.push(...message.nestedType);
    for (const field of [...message.field, ...message.extension]) field.jsonName = "";
  }
  for (const field of file.extension) field.jsonName = "";
  return toBinary(FileDescriptorProtoSchema, file);
}
