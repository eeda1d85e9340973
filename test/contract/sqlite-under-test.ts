import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { settled } from "../support/eventually.ts";
import type { FakeClock } from "../support/fake-clock.ts";
import type { EngineUnderTest, StoreUnderTest } from "./store-under-test.ts";

/** The embedded engine on a file. */
export const sqliteUnderTest: EngineUnderTest = {
  name: "sqlite",
  open: (clock) => SqliteUnderTest.open(clock),
  settled,
};

/** A store in its own temporary folder. */
export class SqliteUnderTest implements StoreUnderTest {
  readonly #clock: FakeClock;
  readonly #folder = mkdtempSync(join(tmpdir(), "sealwire-store-"));
  #path = join(this.#folder, "store-0.sqlite");
  /** The boot id that is passed to the store. */
  bootId: string | undefined = "boot 0";
  #boots = 0;
  #copies = 0;
  #store: Store | undefined;

  static async open(clock: FakeClock): Promise<SqliteUnderTest> {
    const under = new SqliteUnderTest(clock);
    await under.#open();
    return under;
  }

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  get store(): Store {
    if (this.#store === undefined) throw new Error("the store is not open");
    return this.#store;
  }

  /** The open database file. */
  get path(): string {
    return this.#path;
  }

  async restart(): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    await this.#open();
  }

  async crash(): Promise<void> {
    await this.goBackTo(this.snapshot());
  }

  async losePower(): Promise<void> {
    await this.goBackTo(this.snapshot(), { rebooted: true });
  }

  /** Copies the files in the state that a kill -9 would leave now. Returns the path of the copy. */
  snapshot(): string {
    this.#copies += 1;
    const copy = join(this.#folder, `store-${this.#copies}.sqlite`);
    for (const suffix of ["", "-wal"]) {
      // Copies in another process. If this one closed the files, the kernel would release the locks that SQLite holds
      // on them.
      if (existsSync(this.#path + suffix)) execFileSync("cp", [this.#path + suffix, copy + suffix]);
    }
    return copy;
  }

  /** Closes the store cleanly, copies it and opens it again. Returns the path of the copy. */
  async snapshotClosed(): Promise<string> {
    await this.store[Symbol.asyncDispose]();
    const copy = this.snapshot();
    await this.#open();
    return copy;
  }

  /** Opens a snapshot instead of the store. Changes of the old store are no longer visible. */
  async goBackTo(snapshot: string, { rebooted = false } = {}): Promise<void> {
    if (rebooted) {
      this.#boots += 1;
      this.bootId = `boot ${this.#boots}`;
    }
    const old = this.store;
    this.#path = snapshot;
    await this.#open();
    await old[Symbol.asyncDispose]();
  }

  async refuseResults(): Promise<void> {
    // In another process, for the same reason.
    const sql = "CREATE TRIGGER refused BEFORE INSERT ON job_result BEGIN SELECT raise(ABORT, 'refused'); END";
    const script =
      "const [path, sql] = process.argv.slice(1); new (require('node:sqlite').DatabaseSync)(path).exec(sql)";
    execFileSync(process.execPath, ["-e", script, this.#path, sql]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store?.[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #open(): Promise<void> {
    this.#store = undefined;
    this.#store = await openSqliteStore({ path: this.#path, clock: this.#clock, bootId: this.bootId });
  }
}
