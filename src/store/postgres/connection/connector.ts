import { Client, types } from "pg";
import { SealwireError } from "../../../errors.ts";
import { type ConnectionTarget, showHost, type TargetHost } from "./connection.ts";
import { findPassword } from "./password-file.ts";
import { isPermanent } from "./permanent-fault.ts";
import { prepareSession } from "./session.ts";

const INT8 = 20;

/** What is done on each new connection before anybody uses it. */
export type Entry = (client: Client) => Promise<void>;

/**
 * Makes connections to the first host that takes writes: the one that did so last, then the others in their order. Each
 * new connection looks anew, so that a promoted standby is found.
 */
export class Connector {
  readonly #target: ConnectionTarget;
  #last = 0;
  #entry: Entry | undefined;
  /** True once a pooler was seen between here and the server. */
  pooled = false;

  constructor(target: ConnectionTarget) {
    this.#target = target;
  }

  /** From now on `entry` is done on each new connection first. */
  set entry(entry: Entry) {
    this.#entry = entry;
  }

  /** Makes a connection, which the server shows by `name`. Throws what the host said, or what each of them said. */
  async connect(name: string): Promise<Client> {
    const { hosts } = this.#target;
    const failures: { readonly host: TargetHost; readonly thrown: unknown }[] = [];
    for (const index of this.#order()) {
      const host = hosts[index] as TargetHost;
      try {
        const client = await this.#open(host, name);
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

  async #open(host: TargetHost, name: string): Promise<Client> {
    const { config, passwordFile: path } = this.#target;
    const client: Client = new Client({
      // Asked for once the server wants it. The driver would read the file, too, with a warning each time.
      password: () => findPassword({ path, host, user: client.user ?? "", database: client.database ?? "" }),
      ...config,
      ...host,
      application_name: name,
      types: numbersForInt8,
    });
    // What fails while no statement runs is noticed by the next one.
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

/** The failure of all hosts: passing, unless none of them is. */
function noneOf(failures: readonly { readonly host: TargetHost; readonly thrown: unknown }[]): unknown {
  const passing = failures.filter(({ thrown }) => !isPermanent(thrown) && !(thrown instanceof SealwireError));
  if (passing.length === 0) return failures[0]?.thrown;
  const said = failures.map(({ host, thrown }) => `${showHost(host)}: ${messageOf(thrown)}`);
  return new Error(`no host takes writes: ${said.join("; ")}`, { cause: passing[0]?.thrown });
}

function messageOf(thrown: unknown): string {
  const { message, code } = thrown as NodeJS.ErrnoException;
  return (message || code) ?? "failed";
}

/** Every bigint of the schema is a safe integer: times in milliseconds, counts, positions. */
const numbersForInt8 = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === INT8 && format !== "binary"
      ? Number
      : types.getTypeParser(oid, format as "text")) as typeof types.getTypeParser,
};
