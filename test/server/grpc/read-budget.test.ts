import { TimeLimit } from "../../../src/runtime/time-limit.ts";
import { ReadBudget, WINDOW_BYTES } from "../../../src/server/grpc/read-budget.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { assert, suite } from "../../support/suite.ts";

const MIB = 1024 * 1024;

const test = suite("server/grpc/read-budget");

/** A budget of so many MiB, half for large messages; 100 ms for each request. */
function make(mib: number) {
  const clock = new FakeClock();
  const budget = new ReadBudget(mib * MIB, clock, new TimeLimit(clock, 100));
  const read: string[] = [];
  const expired: string[] = [];
  const crowdedOut: string[] = [];
  const enter = (name: string, connection: object, waitingBytes = 0) =>
    budget.enter(connection, {
      read: () => void read.push(name),
      expire: () => void expired.push(name),
      crowdOut: () => void crowdedOut.push(name),
      waitingBytes,
    });
  /** A request whose message of so many bytes has begun. */
  const begin = (name: string, connection: object, bytes: number) => {
    const reading = enter(name, connection);
    return { reading, isRead: reading.reserve(bytes) };
  };
  return { clock, read, expired, crowdedOut, enter, begin };
}

test("requests that announce nothing, or little, never wait, whatever others hold", () => {
  const { begin, enter } = make(2);
  const [one, other] = [{}, {}];
  for (let i = 0; i < 50; i += 1) enter(`silent ${i}`, one);
  assert.ok(begin("large", one, MIB).isRead);
  assert.not(begin("waits", one, MIB).isRead);
  assert.ok(begin("small", other, WINDOW_BYTES).isRead);
});

test("a connection has an eighth of the room for large messages, and the next one has its own", () => {
  const { begin, read } = make(32);
  const [one, other] = [{}, {}];
  const first = begin("first", one, MIB);
  assert.ok(first.isRead && begin("second", one, MIB).isRead);
  assert.not(begin("third", one, MIB).isRead);
  assert.ok(begin("other", other, MIB).isRead);
  first.reading.close();
  assert.equal(read, ["third"]);
});

test("connections that wait have the room in turn, and nobody overtakes them", () => {
  const { begin, read } = make(2);
  const [one, two, three] = [{}, {}, {}];
  const readings = [begin("held", {}, MIB).reading];
  const wait = (name: string, connection: object, bytes = MIB): void => {
    const { reading, isRead } = begin(name, connection, bytes);
    assert.not(isRead, name);
    readings.push(reading);
  };
  wait("one a", one);
  wait("one b", one);
  wait("one c", one);
  wait("two a", two);
  wait("two b", two);
  wait("three a", three, WINDOW_BYTES + 1);
  for (const reading of readings) reading.close();
  assert.equal(read, ["one a", "two a", "three a"], "who has left the queue is not read");
});

test("the turn goes round, one request of each connection", () => {
  const { read, begin, enter } = make(2);
  const held = begin("held", {}, MIB).reading;
  const waiting = new Map<string, ReturnType<typeof enter>>();
  const [one, two] = [{}, {}];
  for (const [name, connection] of [
    ["one a", one],
    ["one b", one],
    ["two a", two],
    ["two b", two],
  ] as const) {
    const reading = enter(name, connection);
    assert.not(reading.reserve(MIB));
    waiting.set(name, reading);
  }
  held.close();
  for (let turn = 0; turn < 4; turn += 1) waiting.get(read[turn] as string)?.close();
  assert.equal(read, ["one a", "two a", "one b", "two b"]);
});

test("if too many are open, the connection with most of them loses its oldest", () => {
  const { enter, crowdedOut } = make(2);
  const [many, few] = [{}, {}];
  enter("few", few);
  for (let i = 0; i < 127; i += 1) enter(`many ${i}`, many);
  assert.equal(crowdedOut, []);
  enter("another", few);
  assert.equal(crowdedOut, ["many 0"]);
});

test("as many are lost as it takes: one that begins may hold more than the oldest gives back", () => {
  const { enter, crowdedOut } = make(2);
  const many = {};
  const readings = Array.from({ length: 128 }, (_, i) => enter(`many ${i}`, many));
  readings[127]?.reserve(WINDOW_BYTES);
  assert.equal(
    crowdedOut,
    Array.from({ length: 8 }, (_, i) => `many ${i}`),
  );
});

test("what comes while a request waits is counted, too", () => {
  const { begin, enter, clock, crowdedOut } = make(2);
  begin("held", {}, MIB);
  const greedy = {};
  const waiting = Array.from({ length: 20 }, (_, i) => enter(`greedy ${i}`, greedy, WINDOW_BYTES));
  for (const reading of waiting) reading.reserve(MIB);
  begin("modest", {}, MIB);
  clock.advance(50);
  assert.ok(crowdedOut.length >= 6 && crowdedOut.every((name) => name.startsWith("greedy")), crowdedOut.join());
});

test("closing twice gives back once", () => {
  const { begin } = make(2);
  const { reading } = begin("first", {}, MIB);
  reading.close();
  reading.close();
  assert.ok(begin("second", {}, MIB).isRead);
  assert.not(begin("third", {}, MIB).isRead);
});

test("the time of a request begins when it comes, does not run while it waits, and begins anew when it is read", () => {
  const { clock, expired, read, enter, begin } = make(2);
  enter("silent", {});
  const first = begin("first", {}, MIB);
  assert.not(begin("waits", {}, MIB).isRead);
  clock.advance(60);
  first.reading.close();
  assert.equal(read, ["waits"]);
  clock.advance(40);
  assert.equal(expired, ["silent"]);
  clock.advance(60);
  assert.equal(expired, ["silent", "waits"]);
});

test.run();
