import {
  create,
  createFileRegistry,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  mergeFromBinary,
} from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  type SourceCodeInfo,
  SourceCodeInfoSchema,
} from "@bufbuild/protobuf/wkt";
import { DESCRIPTORS } from "../../gen/descriptors.ts";
import { SealwireError } from "../errors.ts";

/** Descriptors of one or more contracts, as `buf build --as-file-descriptor-set` writes them. */
export interface Image {
  /** Their types, services and options, without comments; see {@link sourceInfo}. */
  readonly registry: FileRegistry;
  /** Each file's `google.protobuf.FileDescriptorProto`, byte for byte as in the image, by file name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const FILE_FIELD = 1;
const NAME_FIELD = 1;
const SOURCE_CODE_INFO_FIELD = 9;

const sourceInfos = new WeakMap<Uint8Array, SourceCodeInfo>();
let builtin: Image | undefined;
let builtinBytes: Uint8Array | undefined;

/**
 * The serialized FileDescriptorSet of Sealwire's own contract, with comments.
 *
 * @example
 * ```ts
 * await writeFile("sealwire.binpb", builtinDescriptorSet());
 * ```
 */
export function builtinDescriptorSet(): Uint8Array {
  builtinBytes ??= Buffer.from(DESCRIPTORS, "base64");
  return builtinBytes;
}

/**
 * The descriptors of Sealwire's own contract: frames, system and demo tools, health, reflection. Parsed on the first
 * call.
 *
 * @example
 * ```ts
 * const desc = messageDesc(builtinImage(), "sealwire.demo.v1.BatchSumRequest");
 * ```
 */
export function builtinImage(): Image {
  builtin ??= readImage(builtinDescriptorSet());
  return builtin;
}

/** Sealwire's own contract and those in serialized FileDescriptorSets. Throws OPTIONS_INVALID, as {@link readImage} does. */
export function imageWith(sets: readonly Uint8Array[]): Image {
  return sets.length === 0 ? builtinImage() : readImage(builtinDescriptorSet(), ...sets);
}

/**
 * Reads and merges serialized FileDescriptorSets. The first definition of a file name wins; files of one name
 * must come from compatible versions of the contract. Throws OPTIONS_INVALID if a set cannot be read or lacks an
 * import.
 *
 * @example
 * ```ts
 * const image = readImage(builtinDescriptorSet(), await readFile("gen/descriptors.binpb"));
 * ```
 */
export function readImage(...sets: readonly Uint8Array[]): Image {
  const files = new Map<string, Uint8Array>();
  try {
    for (const set of sets) {
      for (const file of splitFiles(set)) {
        const name = fileName(file);
        if (!files.has(name)) files.set(name, file);
      }
    }
    // Comments are the largest part to parse, and few callers need them.
    const bare = joinFiles([...files.values()].map(withoutSourceInfo));
    return { registry: createFileRegistry(fromBinary(FileDescriptorSetSchema, bare)), files };
  } catch (cause) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `The descriptors cannot be read (${cause instanceof Error ? cause.message : "not a FileDescriptorSet"}); build them with \`buf build --as-file-descriptor-set\`.`,
      { cause },
    );
  }
}

/**
 * Looks up a message type. Throws OPTIONS_INVALID if the image does not contain it.
 *
 * @example
 * ```ts
 * const desc = messageDesc(readImage(await readFile("gen/descriptors.binpb")), "greet.v1.GreetRequest");
 * ```
 */
export function messageDesc(image: Image, fullName: string): DescMessage {
  const desc = image.registry.getMessage(fullName);
  if (desc === undefined) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `The descriptors do not contain the message ${fullName}; add its file to the image.`,
    );
  }
  return desc;
}

/**
 * Finds a method by its full name, `package.Service.Method`; `undefined` if the image does not contain it.
 *
 * @example
 * ```ts
 * const method = findMethod(builtinImage(), "sealwire.demo.v1.DemoToolService.BatchSum");
 * ```
 */
export function findMethod(image: Image, path: string): DescMethod | undefined {
  const dot = path.lastIndexOf(".");
  const service = image.registry.getService(path.slice(0, dot));
  return service?.methods.find(({ name }) => name === path.slice(dot + 1));
}

/** The names of `roots` and of all files that they import, directly or indirectly, in dependency order. */
export function fileClosure(image: Image, roots: Iterable<string>): string[] {
  const names = new Set<string>();
  const visit = (name: string): void => {
    const file = image.registry.getFile(name);
    if (file === undefined || names.has(name)) return;
    for (const dependency of file.proto.dependency) visit(dependency);
    names.add(name);
  };
  for (const root of roots) visit(root);
  return [...names];
}

/** The serialized FileDescriptorSet of `roots` and of all files that they import. */
export function descriptorSetOf(image: Image, roots: Iterable<string>): Uint8Array {
  return joinFiles(fileClosure(image, roots).flatMap((name) => image.files.get(name) ?? []));
}

/** The comments of a file in {@link Image.files} with their positions. Parsed on the first call. */
export function sourceInfo(file: Uint8Array): SourceCodeInfo {
  let info = sourceInfos.get(file);
  if (info === undefined) {
    info = create(SourceCodeInfoSchema);
    const reader = new BinaryReader(file);
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === SOURCE_CODE_INFO_FIELD) mergeFromBinary(SourceCodeInfoSchema, info, reader.bytes());
      else reader.skip(wireType, field);
    }
    sourceInfos.set(file, info);
  }
  return info;
}

/** Removes comments and their positions from a serialized file. */
export function withoutSourceInfo(file: Uint8Array): Uint8Array {
  const reader = new BinaryReader(file);
  const writer = new BinaryWriter();
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [field, wireType] = reader.tag();
    reader.skip(wireType, field);
    if (field !== SOURCE_CODE_INFO_FIELD) writer.raw(file.subarray(start, reader.pos));
  }
  return writer.finish();
}

/** Serializes files as one FileDescriptorSet. */
export function joinFiles(files: Iterable<Uint8Array>): Uint8Array {
  const writer = new BinaryWriter();
  for (const file of files) writer.tag(FILE_FIELD, WireType.LengthDelimited).bytes(file);
  return writer.finish();
}

function* splitFiles(set: Uint8Array): Generator<Uint8Array> {
  const reader = new BinaryReader(set);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === FILE_FIELD && wireType === WireType.LengthDelimited) yield reader.bytes();
    else reader.skip(wireType, field);
  }
}

function fileName(file: Uint8Array): string {
  const reader = new BinaryReader(file);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === NAME_FIELD && wireType === WireType.LengthDelimited) return reader.string();
    reader.skip(wireType, field);
  }
  return fromBinary(FileDescriptorProtoSchema, file).name;
}
