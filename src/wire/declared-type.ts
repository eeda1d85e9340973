import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { commentAt, ENUM_VALUE, FILE_FIELDS, MESSAGE_FIELDS } from "./comments.ts";
import type { Image } from "./descriptors.ts";

/** A message or an enum as its file declares it. */
export interface DeclaredType {
  /** The full name, for example "greet.v1.GreetRequest". */
  readonly typeName: string;
  readonly isEnum: boolean;
  /** The serialized DescriptorProto or EnumDescriptorProto, byte for byte, without the types that it contains. */
  readonly declaration: Uint8Array;
  /** The comment of the type, then of each field or value in the order of the file; empty where there is none. */
  readonly comments: readonly string[];
  /** The full names of the types of its fields. */
  readonly uses: readonly string[];
}

/** Field numbers in google/protobuf/descriptor.proto. */
const FILE_PACKAGE = 2;
const NAME = 1;
const FIELD_TYPE_NAME = 6;

/** Where a type is declared. */
interface Place {
  readonly file: Uint8Array;
  readonly bytes: Uint8Array;
  readonly path: readonly number[];
  readonly isEnum: boolean;
}

const placesOfImages = new WeakMap<Image, ReadonlyMap<string, Place>>();
const declaredTypes = new WeakMap<Place, DeclaredType>();

/** Reads the declaration of a type; `undefined` if the image does not contain it. */
export function declaredType(image: Image, typeName: string): DeclaredType | undefined {
  let places = placesOfImages.get(image);
  if (places === undefined) {
    places = findPlaces(image);
    placesOfImages.set(image, places);
  }
  const place = places.get(typeName);
  if (place === undefined) return undefined;
  let type = declaredTypes.get(place);
  if (type === undefined) {
    type = readType(typeName, place);
    declaredTypes.set(place, type);
  }
  return type;
}

function findPlaces(image: Image): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const file of image.files.values()) {
    const prefix = textField(file, FILE_PACKAGE);
    addTypes(places, { file, bytes: file, path: [], isEnum: false }, { prefix, numbers: FILE_FIELDS });
  }
  return places;
}

/** Adds the types that a file or a message contains, with those inside them. */
function addTypes(
  places: Map<string, Place>,
  { file, bytes, path }: Place,
  {
    prefix,
    numbers,
  }: { readonly prefix: string; readonly numbers: { readonly message: number; readonly enum: number } },
): void {
  const counts = new Map<number, number>();
  for (const { number, content } of fieldsOf(bytes)) {
    if (content === undefined || (number !== numbers.message && number !== numbers.enum)) continue;
    const index = counts.get(number) ?? 0;
    counts.set(number, index + 1);
    const name = textField(content, NAME);
    const typeName = prefix === "" ? name : `${prefix}.${name}`;
    const place: Place = { file, bytes: content, path: [...path, number, index], isEnum: number === numbers.enum };
    places.set(typeName, place);
    if (!place.isEnum) addTypes(places, place, { prefix: typeName, numbers: MESSAGE_FIELDS });
  }
}

function readType(typeName: string, { file, bytes, path, isEnum }: Place): DeclaredType {
  const declaration = new BinaryWriter();
  const comments = [commentAt(file, path)];
  const uses: string[] = [];
  const member = isEnum ? ENUM_VALUE : MESSAGE_FIELDS.field;
  for (const { number, content, raw } of fieldsOf(bytes)) {
    if (!isEnum && (number === MESSAGE_FIELDS.message || number === MESSAGE_FIELDS.enum)) continue;
    declaration.raw(raw);
    if (number !== member || content === undefined) continue;
    comments.push(commentAt(file, [...path, member, comments.length - 1]));
    const used = isEnum ? "" : textField(content, FIELD_TYPE_NAME);
    if (used !== "") uses.push(used.replace(/^\./, ""));
  }
  return { typeName, isEnum, declaration: declaration.finish(), comments, uses };
}

/** A field of a serialized message: all its bytes and, if it is length-delimited, its content. */
interface WireField {
  readonly number: number;
  readonly raw: Uint8Array;
  readonly content: Uint8Array | undefined;
}

function* fieldsOf(bytes: Uint8Array): Generator<WireField> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    const content = wireType === WireType.LengthDelimited ? reader.bytes() : undefined;
    if (content === undefined) reader.skip(wireType, number);
    yield { number, raw: bytes.subarray(start, reader.pos), content };
  }
}

function textField(bytes: Uint8Array, wanted: number): string {
  let text = "";
  for (const { number, content } of fieldsOf(bytes)) {
    if (number === wanted && content !== undefined) text = Buffer.from(content).toString();
  }
  return text;
}
