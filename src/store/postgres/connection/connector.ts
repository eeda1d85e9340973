import type { Client } from "pg";
import { SealwireError } from "../../../errors.ts";
import { type ConnectionTarget, showHost, type TargetHost } from "./connection.ts";
import { type Driver, loadDriver } from "./driver.ts";
import { findPassword } from "./password-file.ts";
import { isPermanent } from "./permanent-fault.ts";
import { prepareSession } from "./session.ts";

const INT8 = 20;

/** A function that runs on each new connection before it is used. */
export type ConnectionHook = (client: Client) => Promise<void>;

/**
 * Connects to the first host that accepts writes. Tries the last successful host first, then the others in order. Each
 * connection checks again, so that a promoted standby is found.
 */
export class Connector {
  readonly #target: ConnectionTarget;
  #last = 0;
  #entry: ConnectionHook | undefined;
  /** True if a pooler was detected. */
  pooled = false;

  constructor(target: ConnectionTarget) {
    this.#target = target;
  }

  /** Sets the function that runs on each new connection. */
  set entry(entry: ConnectionHook) {
    this.#entry = entry;
  }

  /**
   * Opens a connection with the application name `name`. Throws the host's error, or an error with those of all hosts;
   * OPTIONS_INVALID without the package `pg`.
   */
  async connect(name: string): Promise<Client> {
    const driver = await loadDriver();
    const { hosts } = this.#target;
    const failures: { readonly host: TargetHost; readonly thrown: unknown }[] = [];
    for (const index of this.#order()) {
      const host = hosts[index] as TargetHost;
      try {
        const client = await this.#open(driver, host, name);
        this.#last = index;
        return client;
      } catch (thrown) {
        failures.push({ host, thrown });
      }
    }
    throw failures.length === 1 ? failures[0]?.thrown : noneOf(failures);
  }

  #order(): number[] {
    const others = this.#target.hosts.map((_, index) => index).filter((index) => index !== this.#last);
    return [this.#last, ...others];
  }

  async #open(driver: Driver, host: TargetHost, name: string): Promise<Client> {
    const { config, passwordFile: path } = this.#target;
    const client: Client = new driver.Client({
      // Read only when the server requests a password. The driver would also read the file, with a warning each time.
      password: () => findPassword({ path, host, user: client.user ?? "", database: client.database ?? "" }),
      ...config,
      ...host,
      application_name: name,
      types: numbersForInt8(driver),
    });
    // An error while no statement runs is detected by the next statement.
    client.on("error", () => {});
    try {
      await client.connect();
      if (await prepareSession(client, this.#target, host)) this.pooled = true;
      await this.#entry?.(client);
      return client;
    } catch (thrown) {
      client.end().catch(() => {});
      throw thrown;
    }
  }
}

/** The error of all hosts. It is temporary if that of any host is. */
function noneOf(failures: readonly { readonly host: TargetHost; readonly thrown: unknown }[]): unknown {
  const passing = failures.filter(({ thrown }) => !isPermanent(thrown) && !(thrown instanceof SealwireError));
  if (passing.length === 0) return failures[0]?.thrown;
  const said = failures.map(({ host, thrown }) => `${showHost(host)}: ${messageOf(thrown)}`);
  return new Error(`no host accepts writes: ${said.join("; ")}`, { cause: passing[0]?.thrown });
}

function messageOf(thrown: unknown): string {
  const { message, code } = thrown as NodeJS.ErrnoException;
  return (message || code) ?? "failed";
}

/** All bigint columns of the schema contain safe integers: times in milliseconds, counts, positions. */
function numbersForInt8({ types }: Driver): Pick<Driver["types"], "getTypeParser"> {
  return {
    getTypeParser: ((oid: number, format?: "text" | "binary") =>
      oid === INT8 && format !== "binary"
        ? Number
        : types.getTypeParser(oid, format as "text")) as typeof types.getTypeParser,
  };
}
