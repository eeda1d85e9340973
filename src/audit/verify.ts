import { isUtf8 } from "node:buffer";
import type { KeyObject } from "node:crypto";
import { CHAIN_START, type ChainHead, isSealed, parsed, type ReadLine, readLine } from "./line.ts";
import { type TornLine, tornLine } from "./tail.ts";

/** What is wrong with an audit log. */
export interface AuditFinding {
  /** The file, or "" for one about the log as a whole. */
  readonly file: string;
  /** Number of the line in its file, from 1 on; 0: the file as a whole. */
  readonly line: number;
  readonly problem: string;
}

/** A chain in the files. */
export interface VerifiedChain {
  readonly chain: string;
  /** Sequence of its first line in the files. */
  readonly first: number;
  /** Its last line. */
  readonly head: ChainHead;
}

/** The result of {@link AuditVerifier.end}. */
export interface AuditReport {
  readonly lines: number;
  readonly chains: readonly VerifiedChain[];
  /** Empty: nothing is wrong. */
  readonly findings: readonly AuditFinding[];
  /** Facts that are no sign of a change, such as a line that was cut off by the end of a process. */
  readonly notes: readonly AuditFinding[];
}

/** Findings that are kept; the others are counted in the last one. */
const FINDINGS_MAX = 1_000;

/** A line that is none of an audit log. A later one may explain it as one that was not written completely. */
interface Foreign extends TornLine {
  readonly file: string;
  readonly line: number;
}

/** A chain whose first line names the last known one of another chain. */
interface Follower extends ChainHead {
  readonly file: string;
  readonly line: number;
}

/** Where a chain stands. */
interface ChainState {
  readonly first: number;
  head: ChainHead;
  /** MACs of the lines at which stored heads stand. */
  readonly found: Map<number, string>;
}

/** Checks the lines of an audit log in their order (docs/audit.md, Verification). */
export class AuditVerifier {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #chains = new Map<string, ChainState>();
  readonly #findings: AuditFinding[] = [];
  readonly #notes: AuditFinding[] = [];
  readonly #watched: ChainHead[] = [];
  #omitted = 0;
  readonly #foreign: Foreign[] = [];
  readonly #followers: Follower[] = [];
  #lines = 0;
  #file = "";
  #line = 0;
  /** Lines of other software in the current file. */
  #others = 0;

  /** `keys`: the keys by the id of their server secret. */
  constructor(keys: ReadonlyMap<string, KeyObject>) {
    this.#keys = keys;
  }

  /** Begins with the next file. Files are given in the order in which they were written. */
  beginFile(name: string): void {
    this.#endFile();
    this.#file = name;
    this.#line = 0;
    this.#others = 0;
  }

  /**
   * Checks a line, without its line feed. `isComplete`: false for bytes after the last line feed of the file. Returns the
   * id of a chain that begins in the files with this line; its kept heads are given to {@link watch} before the next line.
   */
  add(bytes: Buffer, isComplete: boolean): string | undefined {
    this.#line += 1;
    const text = bytes.toString();
    // The text of other bytes would be the same, and so would the MAC.
    const line = isUtf8(bytes) ? readLine(text) : undefined;
    if (line !== undefined) return this.#check(line);
    if (!isComplete) this.#note("the last line is incomplete: the process ended while it wrote");
    else if (isOther(text)) this.#others += 1;
    else if (bytes.length > 0) this.#foreign.push({ ...tornLine(bytes), file: this.#file, line: this.#line });
    return undefined;
  }

  /** Counts a line that is too long to be read. */
  addLong(): void {
    this.#line += 1;
    this.#find("is longer than any that a server writes");
  }

  /** Compares a line of a chain, as a store or a person kept it, with the one in the files. */
  watch(kept: ChainHead): void {
    this.#watched.push(kept);
    const state = this.#chains.get(kept.chain);
    if (state?.head.sequence === kept.sequence) state.found.set(kept.sequence, state.head.mac);
  }

  /** Ends the check. */
  end(): AuditReport {
    this.#endFile();
    for (const { file, line } of this.#foreign) this.#find("is no line of an audit log", { file, line });
    for (const head of this.#watched) this.#compare(head);
    for (const follower of this.#followers) this.#compareFollowed(follower);
    const findings = [...this.#findings];
    if (this.#omitted > 0) findings.push({ file: "", line: 0, problem: `${this.#omitted} further findings` });
    const chains = [...this.#chains].map(([chain, { first, head }]) => ({ chain, first, head }));
    return { lines: this.#lines, chains, findings, notes: this.#notes };
  }

  #check(line: ReadLine): string | undefined {
    this.#lines += 1;
    const key = this.#keys.get(line.secret);
    if (key === undefined) this.#find(`is sealed with the server secret "${line.secret}", which is not given`);
    else if (!isSealed(line, key)) this.#find("was changed, or sealed with another key: its MAC is wrong");
    else this.#learn(line);
    const isNew = !this.#chains.has(line.head.chain);
    this.#place(line);
    return isNew ? line.head.chain : undefined;
  }

  /** Checks the place of a line in its chain. */
  #place({ head, prev }: ReadLine): void {
    const state = this.#chains.get(head.chain);
    const isWatched = this.#watched.some(({ chain, sequence }) => chain === head.chain && sequence === head.sequence);
    if (state === undefined) {
      if (head.sequence === 1 && prev !== CHAIN_START) this.#find("begins a chain, but names a line before it");
      const found = new Map(isWatched ? [[head.sequence, head.mac]] : []);
      this.#chains.set(head.chain, { first: head.sequence, head, found });
      return;
    }
    if (isWatched) state.found.set(head.sequence, head.mac);
    const expected = state.head.sequence + 1;
    if (head.sequence < expected) {
      this.#find(`has the sequence ${head.sequence} after ${state.head.sequence}: it was moved or repeated`);
      return;
    }
    if (head.sequence > expected) this.#find(`${missing(expected, head.sequence - 1)} before this one`);
    else if (prev !== state.head.mac) this.#find("does not follow the line before it: one of the two was replaced");
    state.head = head;
  }

  /** Notes what this line says about others: which were not written completely, and which chain it follows. */
  #learn({ fields: { details } }: ReadLine): void {
    const { torn, follows } = (details ?? {}) as { readonly torn?: readonly TornLine[]; readonly follows?: ChainHead };
    if (follows !== undefined) this.#followers.push({ ...follows, file: this.#file, line: this.#line });
    for (const { bytes, sha256 } of torn ?? []) {
      const index = this.#foreign.findIndex((each) => each.bytes === bytes && each.sha256 === sha256);
      const [explained] = index < 0 ? [] : this.#foreign.splice(index, 1);
      if (explained !== undefined)
        this.#note("is incomplete, as the next line says: the process or the disk ended", explained);
    }
  }

  #compare(kept: ChainHead): void {
    const state = this.#chains.get(kept.chain);
    const whole = { file: "", line: 0 };
    if (state === undefined) {
      this.#find(`the chain ${kept.chain} is missing`, whole);
      return;
    }
    const { head, first, found } = state;
    if (kept.sequence > head.sequence) {
      this.#find(`${missing(head.sequence + 1, kept.sequence)} at the end of the chain ${kept.chain}`, whole);
    } else if (kept.sequence < first) {
      this.#note(`the kept head of the chain ${kept.chain} is older than these files`, whole);
    } else if (found.get(kept.sequence) !== kept.mac) {
      this.#find(
        `line ${kept.sequence} of the chain ${kept.chain} is not the one that was kept: the chain was made anew`,
        whole,
      );
    }
  }

  /** The head of the other chain may be older than its last line, if its process was killed. */
  #compareFollowed({ chain, sequence, file, line }: Follower): void {
    const last = this.#chains.get(chain)?.head.sequence;
    if (last === undefined) {
      this.#note(`begins a file after line ${sequence} of the chain ${chain}, which is not in these files`, {
        file,
        line,
      });
    } else if (last < sequence && !this.#watched.some((kept) => kept.chain === chain && kept.sequence >= sequence)) {
      this.#find(`${missing(last + 1, sequence)} at the end of the chain ${chain}`, { file: "", line: 0 });
    }
  }

  #endFile(): void {
    if (this.#others > 0) this.#note(`${this.#others} lines of other software`, { file: this.#file, line: 0 });
  }

  #find(problem: string, at: Pick<AuditFinding, "file" | "line"> = { file: this.#file, line: this.#line }): void {
    if (this.#findings.length < FINDINGS_MAX) this.#findings.push({ file: at.file, line: at.line, problem });
    else this.#omitted += 1;
  }

  #note(problem: string, at: Pick<AuditFinding, "file" | "line"> = { file: this.#file, line: this.#line }): void {
    if (this.#notes.length < FINDINGS_MAX) this.#notes.push({ file: at.file, line: at.line, problem });
  }
}

function missing(first: number, last: number): string {
  return first === last ? `line ${first} is missing` : `lines ${first} to ${last} are missing`;
}

/** True for a JSON line that nobody takes for one of an audit log, such as one of the server's log. */
function isOther(text: string): boolean {
  const fields = parsed(text);
  if (fields === undefined) return false;
  return !["chain", "prev", "mac"].some((name) => name in fields) && !("version" in fields && "action" in fields);
}
