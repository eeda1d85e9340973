import { intentDigest } from "../../src/signing/request/intent-digest.ts";
import { hex, sampleDescriptorSet } from "../validation/sample-image.ts";
import { toHex } from "./vector-file.ts";

/** One message and its canonical form. Bytes are hex. */
export interface CanonicalCase {
  readonly id: number;
  readonly comment: string;
  readonly flag: string;
  /** Full name of the message type. */
  readonly type: string;
  readonly bytes: string;
  /** Null where the bytes are no strict encoding of the type. */
  readonly canonical: string | null;
  /** Intent digest of the tool "sample" with these arguments. */
  readonly intentDigest: string | null;
  /** True if a verifier's second try takes the bytes, too. */
  readonly unambiguous: boolean;
}

/** The file `canonical.json`. */
export interface CanonicalVectors {
  readonly kind: "canonical";
  readonly protocol: string;
  /** A FileDescriptorSet of the types that are not in the published contract. */
  readonly descriptorSet: string;
  readonly cases: readonly CanonicalCase[];
}

const SAMPLE = "sealwire.test.v1.Sample";
const LEGACY = "sealwire.test.v1.Legacy";

interface Spec {
  readonly comment: string;
  /** Hex, spaces allowed. */
  readonly bytes: string;
  /** Hex; null if the bytes are refused; absent if they are canonical already. */
  readonly canonical?: string | null;
  /** True if only an ordinary strict parse takes the bytes, not a verifier's second try. */
  readonly ambiguous?: true;
  /** Default: {@link SAMPLE}. */
  readonly type?: string;
}

function caseOf(flag: string, spec: Spec, id: number): CanonicalCase {
  const expected = spec.canonical === undefined ? spec.bytes : spec.canonical;
  const canonical = expected === null ? null : hex(expected);
  return {
    id,
    comment: spec.comment,
    flag,
    type: spec.type ?? SAMPLE,
    bytes: toHex(hex(spec.bytes)),
    canonical: canonical === null ? null : toHex(canonical),
    intentDigest: canonical === null ? null : toHex(intentDigest("sample", canonical)),
    unambiguous: canonical !== null && spec.ambiguous !== true,
  };
}

/** `canonical.json`, made anew. The canonical forms are written by hand below, not computed. */
export function canonicalVectors(): CanonicalVectors {
  const flagged = Object.entries(SPECS).flatMap(([flag, specs]) => specs.map((spec) => ({ flag, spec })));
  return {
    kind: "canonical",
    protocol: "mcp/0.1",
    descriptorSet: toHex(sampleDescriptorSet),
    cases: flagged.map(({ flag, spec }, index) => caseOf(flag, spec, index + 1)),
  };
}

const SPECS: Readonly<Record<string, readonly Spec[]>> = {
  Order: [
    { comment: "an empty message", bytes: "" },
    { comment: "fields in ascending order", bytes: "0801 1002 1a0161" },
    { comment: "fields in descending order", bytes: "1a0161 1002 0801", canonical: "0801 1002 1a0161" },
    { comment: "a oneof's member among the others", bytes: "a00105 0801", canonical: "0801 a00105" },
    { comment: "in a nested message", bytes: "7a04 1001 0801", canonical: "7a04 0801 1001" },
    { comment: "elements of a list keep their order", bytes: "720162 7200 720161" },
    { comment: "in elements of a list", bytes: "7a04 1001 0801 7a00", canonical: "7a04 0801 1001 7a00" },
  ],
  Defaults: [
    {
      comment: "defaults of every implicit field",
      bytes: "0800 1000 1a00 2200 290000000000000000 3500000000 3800 4000 4800 5000",
      canonical: "",
    },
    { comment: "-0 of a double and a float", bytes: "290000000000000080 3500000080" },
    { comment: "an optional field at its default", bytes: "5800" },
    { comment: "a oneof's member at its default", bytes: "9a0100" },
    { comment: "an empty message that is set", bytes: "920100" },
    { comment: "proto2 fields at their defaults", bytes: "0800 1000 2200", type: LEGACY },
    { comment: "a default beside another field", bytes: "0801 1000", canonical: "0801" },
  ],
  Lists: [
    { comment: "packed", bytes: "6203010203" },
    { comment: "not packed", bytes: "6001 6002", canonical: "62020102" },
    { comment: "half packed", bytes: "6001 62020203 6004", canonical: "620401020304" },
    { comment: "packed, empty", bytes: "6200", canonical: "" },
    { comment: "defaults in a list", bytes: "6203000000" },
    { comment: "negative numbers", bytes: "620a ffffffffffffffffff01" },
    {
      comment: "doubles, not packed, one of them -0",
      bytes: "69000000000000f03f 690000000000000080",
      canonical: "6a10 000000000000f03f 0000000000000080",
    },
    { comment: "declared as not packed, but packed", bytes: "82010101 82010102", canonical: "800101 800102" },
    {
      comment: "fixed width, declared as not packed, but packed",
      bytes: "8a0108 01000000 02000000",
      canonical: "8d0101000000 8d0102000000",
    },
    { comment: "proto2 enums, not packed", bytes: "0801 1801 1800", type: LEGACY },
    { comment: "proto2 enums, packed", bytes: "0801 1a020100", canonical: "0801 1801 1800", type: LEGACY },
    { comment: "declared as packed, of an open enum", bytes: "ba010b 01 ffffffffffffffffff01" },
  ],
  Maps: [
    {
      comment: "text keys by their UTF-8 bytes, not by UTF-16 units",
      bytes: "f20108 0a04f09f9880 1200 f20108 0a03efbfbf 120178",
      canonical: "f20108 0a03efbfbf 120178 f20108 0a04f09f9880 1200",
    },
    {
      comment: "a text key before one that it begins",
      bytes: "f20106 0a026161 1200 f20105 0a0161 1200 f20104 0a00 1200",
      canonical: "f20104 0a00 1200 f20105 0a0161 1200 f20106 0a026161 1200",
    },
    { comment: "key and value left out", bytes: "f20100", canonical: "f20104 0a00 1200" },
    { comment: "the value left out", bytes: "f20103 0a0161", canonical: "f20105 0a0161 1200" },
    { comment: "the key left out", bytes: "f20103 120161", canonical: "f20105 0a00 120161" },
    { comment: "the value before the key", bytes: "f20106 120162 0a0161", canonical: "f20106 0a0161 120162" },
    {
      comment: "int32 keys by value, not by their bytes",
      bytes: "fa0104 0801 1001 fa0104 0800 1000 fa010d 08ffffffffffffffffff01 1000",
      canonical: "fa010d 08ffffffffffffffffff01 1000 fa0104 0800 1000 fa0104 0801 1001",
    },
    {
      comment: "int64 keys: least, -1, 0, 2^32",
      bytes:
        "820209 088080808010 120178 820204 08001200 82020d 08ffffffffffffffffff01 1200 82020d 0880808080808080808001 1200",
      canonical:
        "82020d 0880808080808080808001 1200 82020d 08ffffffffffffffffff01 1200 820204 08001200 820209 088080808010 120178",
    },
    {
      comment: "uint32 keys: 2^31 after 1",
      bytes: "8a020b 088080808008 1500000000 8a0207 0801 1500000000",
      canonical: "8a0207 0801 1500000000 8a020b 088080808008 1500000000",
    },
    {
      comment: "sint32 keys by value: -2, -1, 0, 1",
      bytes: "9a0204 0800 1000 9a0204 0801 1000 9a0204 0802 1000 9a0204 0803 1000",
      canonical: "9a0204 0803 1000 9a0204 0801 1000 9a0204 0800 1000 9a0204 0802 1000",
    },
    {
      comment: "fixed64 keys: 2^63 after 1",
      bytes: "b20212 090000000000000080 110000000000000000 b20212 090100000000000000 110000000000000000",
      canonical: "b20212 090100000000000000 110000000000000000 b20212 090000000000000080 110000000000000000",
    },
    {
      comment: "sfixed32 keys: -1 before 1",
      bytes: "ba0207 0d01000000 1000 ba0207 0dffffffff 1000",
      canonical: "ba0207 0dffffffff 1000 ba0207 0d01000000 1000",
    },
    {
      comment: "bool keys: false before true",
      bytes: "ca0204 08011200 ca0204 08001200",
      canonical: "ca0204 08001200 ca0204 08011200",
    },
    { comment: "a double's default as value", bytes: "920200", canonical: "92020b 0800 110000000000000000" },
    { comment: "-0 as value", bytes: "92020b 0801 110000000000000080" },
    {
      comment: "a message as value, canonical inside",
      bytes: "ca0208 0801 1204 1001 0801",
      canonical: "ca0208 0801 1204 0801 1001",
    },
    { comment: "a message as value, left out", bytes: "ca0202 0801", canonical: "ca0204 0801 1200" },
    {
      comment: "a Struct: map, list and null",
      bytes: "aa0121 0a07 0a0162 1202 0800 0a16 0a0161 1211 320f 0a02 2001 0a0911 0000000000000080",
      canonical: "aa0121 0a16 0a0161 1211 320f 0a02 2001 0a0911 0000000000000080 0a07 0a0162 1202 0800",
    },
    {
      comment: "a key given twice: the last counts",
      bytes: "f20106 0a0161 120178 f20106 0a0161 120179",
      canonical: "f20106 0a0161 120179",
      ambiguous: true,
    },
  ],
  Varints: [
    { comment: "a padded value", bytes: "108100", canonical: "1001", ambiguous: true },
    { comment: "a padded tag", bytes: "880001", canonical: "0801", ambiguous: true },
    { comment: "a padded length", bytes: "1a810061", canonical: "1a0161", ambiguous: true },
    { comment: "a bool of 2", bytes: "0802", canonical: "0801", ambiguous: true },
    { comment: "an int32 in five bytes", bytes: "10ffffffff0f", canonical: "10ffffffffffffffffff01", ambiguous: true },
    { comment: "an int32 of 2^32", bytes: "108080808010", canonical: "", ambiguous: true },
    { comment: "a uint32 of 2^32 + 1", bytes: "388180808010", canonical: "3801", ambiguous: true },
    { comment: "the least int32", bytes: "1080808080f8ffffffff01" },
    { comment: "the largest uint32", bytes: "38ffffffff0f" },
    { comment: "the least int64", bytes: "4880808080808080808001" },
    { comment: "an open enum's unknown value", bytes: "5063" },
  ],
  Any: [
    {
      comment: "its value is opaque, its fields are put in order",
      bytes: "b20109 12021001 0a03612f62",
      canonical: "b20109 0a03612f62 12021001",
      ambiguous: true,
    },
  ],
  Refused: [
    { comment: "an unknown field", bytes: "c03e01", canonical: null },
    { comment: "an unknown field in a nested message", bytes: "7a03 c03e01", canonical: null },
    { comment: "an unknown field in a map's entry", bytes: "f20104 0a00 1801", canonical: null },
    { comment: "a field twice", bytes: "0801 0801", canonical: null },
    { comment: "a message twice, which lenient decoders merge", bytes: "920100 920100", canonical: null },
    { comment: "two members of a oneof", bytes: "9a0101 61 a00101", canonical: null },
    { comment: "a map's entry with two keys", bytes: "f20106 0a0161 0a0162", canonical: null },
    { comment: "a closed enum's unknown value", bytes: "0801 1002", canonical: null, type: LEGACY },
    { comment: "text that is not UTF-8", bytes: "1a02c328", canonical: null },
    { comment: "half of a surrogate pair as text", bytes: "1a03eda080", canonical: null },
    { comment: "a zero tag", bytes: "00", canonical: null },
    { comment: "a group", bytes: "0b0c", canonical: null },
    { comment: "a declared group", bytes: "0801 2b08012c", canonical: null, type: LEGACY },
    { comment: "a wrong wire type", bytes: "0d00000000", canonical: null },
    { comment: "a truncated value", bytes: "1a0261", canonical: null },
    { comment: "a truncated tag", bytes: "80", canonical: null },
    { comment: "a varint of 65 bits", bytes: "48ffffffffffffffffff02", canonical: null },
  ],
};
