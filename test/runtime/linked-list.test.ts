import { LinkedList } from "../../src/runtime/linked-list.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("runtime/linked-list");

test("items stand in the order in which they came, whichever are taken out", () => {
  for (const out of [[], [0], [1], [2], [0, 2], [2, 1], [1, 0, 2]]) {
    const list = new LinkedList<string>();
    const places = ["a", "b", "c"].map((item) => list.add(item));
    for (const index of out) list.remove(places[index] as (typeof places)[number]);
    list.add("d");
    const left = [..."abc"].filter((_, index) => !out.includes(index));
    assert.equal([...list], [...left, "d"]);
    assert.is(list.size, left.length + 1);
    assert.is(list.first?.item, left[0] ?? "d");
  }
});

test("taking out twice takes out once", () => {
  const list = new LinkedList<string>();
  const place = list.add("a");
  list.remove(place);
  list.add("b");
  list.remove(place);
  assert.equal([...list], ["b"]);
  assert.is(list.size, 1);
});

test("items may come and go while they are gone through", () => {
  const list = new LinkedList<string>();
  const places = ["a", "b", "c"].map((item) => list.add(item));
  const seen: string[] = [];
  for (const item of list) {
    seen.push(item);
    for (const place of places) list.remove(place);
    list.add("later");
  }
  assert.equal(seen, ["a", "b", "c"]);
  assert.is(list.size, 3);
});

test.run();
