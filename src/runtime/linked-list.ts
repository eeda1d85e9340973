/** The position of an item in a {@link LinkedList}. */
export interface Place<T> {
  readonly item: T;
}

/**
 * Items in insertion order, for items that are added and removed with every call. A Set or Map also keeps this order,
 * but V8 replaces its table every few dozen changes. A table that was promoted to the old generation keeps all later
 * tables and their items alive until the next full collection, so on a busy server minor collections would copy each
 * call twice.
 */
export class LinkedList<T> implements Iterable<T> {
  #first: Node<T> | undefined;
  #last: Node<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The position of the oldest item. */
  get first(): Place<T> | undefined {
    return this.#first;
  }

  /** Adds an item at the end. */
  add(item: T): Place<T> {
    const node = new Node(item, this.#last);
    if (this.#last === undefined) this.#first = node;
    else this.#last.next = node;
    this.#last = node;
    this.#size += 1;
    return node;
  }

  /** The position of the first item that `matches`, which must not change the list. */
  find(matches: (item: T) => boolean): Place<T> | undefined {
    let node = this.#first;
    while (node !== undefined && !matches(node.item)) node = node.next;
    return node;
  }

  /** Removes the item at `place`, a result of {@link add} of this list. Idempotent. */
  remove(place: Place<T>): void {
    const node = place as Node<T>;
    if (!node.isIn) return;
    const { previous, next } = node;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    node.isIn = false;
    // A caller may keep a removed node, which must not keep its neighbours alive.
    node.previous = undefined;
    node.next = undefined;
    this.#size -= 1;
  }

  /** Iterates over a copy, so that the list may change during the iteration. */
  [Symbol.iterator](): ArrayIterator<T> {
    const items: T[] = [];
    for (let node = this.#first; node !== undefined; node = node.next) items.push(node.item);
    return items.values();
  }
}

class Node<T> implements Place<T> {
  readonly item: T;
  previous: Node<T> | undefined;
  next: Node<T> | undefined;
  isIn = true;

  constructor(item: T, previous: Node<T> | undefined) {
    this.item = item;
    this.previous = previous;
  }
}
