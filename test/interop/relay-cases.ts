/** Arguments of the tool `keep`, and what `sealwire sign` is to say of what a relay makes of them. */
export interface RelayCase {
  readonly what: string;
  /** As JSON text, since not every writer keeps -0. */
  readonly args: string;
  /** The paths that are named; none where every relay sends what was signed. */
  readonly named: readonly string[];
}

const ECHO = '"@type":"type.googleapis.com/interop.v1.EchoRequest"';
/** So many that no order comes about by chance. */
const MANY = Array.from({ length: 12 }, (_, index) => `"${index * 7 - 20}":"x"`).join(",");
const LARGE = `{${Array.from({ length: 4_000 }, (_, index) => `"k${index}":"${"x".repeat(12)}"`).join(",")}}`;

/** A value of each kind that protobuf has, with the extremes of each. */
export const RELAY_CASES: readonly RelayCase[] = [
  { what: "-0 in a field without presence", args: '{"doubleValue":-0}', named: ["double_value"] },
  { what: "-0 of 32 bits", args: '{"floatValue":-0.0}', named: ["float_value"] },
  { what: "-0 in a message", args: '{"nested":{"doubleValue":-0}}', named: ["nested.double_value"] },
  { what: "-0 in an item", args: '{"items":[{},{"floatValue":-0}]}', named: ["items[1].float_value"] },
  {
    what: "-0 in a map's message",
    args: '{"messagesByName":{"k":{"doubleValue":-0}}}',
    named: ['messages_by_name["k"].double_value'],
  },
  { what: "-0 in an Any", args: `{"any":{${ECHO},"ratio":-0}}`, named: ["any.ratio"] },
  { what: "-0 with presence", args: '{"optionalDouble":-0,"chosenDouble":-0}', named: [] },
  { what: "-0 in lists and maps", args: '{"doubles":[1,-0],"floats":[-0],"doublesByName":{"a":-0}}', named: [] },
  { what: "-0 in wrappers", args: '{"wrappedDouble":-0,"wrappedFloat":-0}', named: [] },
  { what: "-0 in free JSON", args: '{"object":{"a":-0},"value":-0,"list":[-0]}', named: [] },
  { what: "NaN", args: '{"doubleValue":"NaN"}', named: ["double_value"] },
  { what: "NaN in a list", args: '{"doubles":[1,"NaN"]}', named: ["doubles[1]"] },
  { what: "NaN in a map", args: '{"doublesByName":{"a":"NaN"}}', named: ['doubles_by_name["a"]'] },
  { what: "NaN with presence", args: '{"chosenDouble":"NaN"}', named: ["chosen_double"] },
  { what: "NaN in a wrapper", args: '{"wrappedDouble":"NaN"}', named: ["wrapped_double.value"] },
  { what: "NaN of 32 bits", args: '{"floatValue":"NaN","wrappedFloat":"NaN"}', named: [] },
  { what: "a map in an Any", args: `{"any":{${ECHO},"names":{${MANY}}}}`, named: ["any.names"] },
  { what: "an Any without a map", args: `{"any":{${ECHO},"number":"5","text":"q","names":{"1":"x"}}}`, named: [] },
  {
    what: "an Any beside a map",
    args: `{"any":{${ECHO},"text":"q"},"names":{${MANY}}}`,
    named: ["names"],
  },
  { what: "a map in more than 64 KiB", args: `{"object":${LARGE}}`, named: ["object.fields"] },
  { what: "paths of fields", args: '{"mask":"text,nested.doubleValue"}', named: ["mask"] },
  { what: "an Any without a type", args: '{"anys":[{}]}', named: ["anys[0]"] },
  { what: "maps", args: `{"names":{${MANY}},"messagesByName":{"b":{"names":{${MANY}}},"a":{}}}`, named: [] },
  {
    what: "numbers of 64 bits at their limits",
    args: '{"doubles":[5e-324,1.7976931348623157e308,0.1,1e21,"-Infinity"],"doubleValue":2.2250738585072014e-308}',
    named: [],
  },
  {
    what: "numbers of 32 bits at their limits",
    args: '{"floats":[0.1,16777217,1e-45,3.4028234663852886e38,"Infinity"],"floatValue":0.3}',
    named: [],
  },
  {
    what: "whole numbers at their limits",
    args: '{"signed":"-9223372036854775808","fixed":"18446744073709551615","wrappedNumber":"0"}',
    named: [],
  },
  { what: "nothing in free JSON", args: '{"value":null,"object":{"a":null,"":[null]},"nullValue":null}', named: [] },
  { what: "empty messages", args: '{"nested":{},"items":[{},{}],"object":{},"list":[]}', named: [] },
  { what: "defaults with presence", args: '{"optionalText":"","optionalDouble":0,"chosenText":""}', named: [] },
  { what: "enums that the contract does not know", args: '{"kind":5,"kinds":["KIND_ONE",7,-1]}', named: [] },
  { what: "times", args: '{"time":"1900-01-01T00:00:00.123456789Z","duration":"-1.500s"}', named: [] },
  { what: "text and bytes", args: '{"data":"AP8=","text":"\\u0000e\\u0301\\u2028\\ufeff😈"}', named: [] },
];
