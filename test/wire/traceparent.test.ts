import { Metadata } from "@grpc/grpc-js";
import { isTraceparent, readTraceparent, readTracestate } from "../../src/wire/traceparent.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("wire/traceparent");

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

function metadata(fields: Readonly<Record<string, string | readonly string[]>>): Metadata {
  const result = new Metadata();
  for (const [name, values] of Object.entries(fields)) for (const value of [values].flat()) result.add(name, value);
  return result;
}

test("a traceparent has a version, two ids that are not zero, and flags", () => {
  for (const text of [`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-00`, `cc-${TRACE}-${SPAN}-01`])
    assert.is(readTraceparent(metadata({ traceparent: text })), text);
  for (const text of [
    `ff-${TRACE}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}`,
    "",
  ])
    assert.is(isTraceparent(text), false, text);
  assert.is(readTraceparent(metadata({})), undefined);
});

test("a tracestate of several fields is one list of at most 512 printable characters", () => {
  assert.is(readTracestate(metadata({ tracestate: ["a=1", "b=2"] })), "a=1,b=2");
  assert.is(readTracestate(metadata({ tracestate: "x".repeat(512) })), "x".repeat(512));
  assert.is(readTracestate(metadata({ tracestate: "x".repeat(513) })), undefined);
  assert.is(readTracestate(metadata({})), undefined);
});

test.run();
