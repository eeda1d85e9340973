import { assert, suite } from "../support/suite.ts";
import type { Event, Noted } from "./history.ts";
import { outages } from "./outages.ts";

const test = suite("crash/outages");

const at = (atMs: number, event: Event): Noted => ({ ...event, atMs });
const probe = (atMs: number, server: number, reason?: string): Noted => at(atMs, { kind: "probed", server, reason });
const fault = (beganMs: number, atMs: number): Noted =>
  at(atMs, { kind: "fault over", fault: "machine killed", beganMs });

test("the time without service is the longest between two accepted probes around a fault", () => {
  const probes = [
    probe(1_000, 0),
    probe(9_000, 0),
    probe(10_000, 0),
    probe(12_000, 0, "UNAVAILABLE"),
    probe(15_500, 0),
    probe(16_000, 0),
    probe(30_000, 0),
  ];
  const figures = outages([...probes, fault(10_100, 17_000)]);
  assert.is(figures["s without service, machine killed, through HAProxy"], 14);
  assert.is(figures["probes refused, UNAVAILABLE"], 1);
  assert.is(outages([...probes, fault(10_100, 15_900)])["s without service, machine killed, through HAProxy"], 5.5);
});

test("the longest of several faults is shown, for each server", () => {
  const probes = [probe(0, 0), probe(0, 1), probe(2_000, 0), probe(3_000, 1), probe(4_000, 0), probe(9_000, 1)];
  const figures = outages([...probes, fault(500, 1_000), fault(3_500, 4_000)]);
  assert.is(figures["s without service, machine killed, through HAProxy"], 2);
  assert.is(figures["s without service, machine killed, all hosts in the URL"], 6);
});

test("a tool that fails as it was told to is not counted", () => {
  const failed = (action: string, message: string) => at(1, { kind: "failed", action, message });
  const stray = [failed("stray_call s", "INTERNAL: x"), failed("stray_call s", "TOOL_FAILED: x")];
  const figures = outages([
    probe(0, 0),
    ...stray,
    failed("stray_call s", "UNAVAILABLE: x"),
    failed("pay p", "INTERNAL: x"),
  ]);
  assert.equal(figures, { "calls failed, UNAVAILABLE": 1, "calls failed, INTERNAL": 1 });
});

test("a history without probes has no figures", () => {
  assert.equal(outages([at(1, { kind: "failed", action: "pay p", message: "UNAVAILABLE: away" })]), {});
});

test.run();
