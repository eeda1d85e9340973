import { stat } from "node:fs/promises";
import { SealwireError } from "../../errors.ts";
import { withFileLock } from "../../files/file-lock.ts";
import { parseJson } from "../../files/json-text.ts";
import { fileVersion, readPrivateFile } from "../../files/private-file.ts";
import { replacePrivateFile } from "../../files/private-file-write.ts";
import { readableText } from "../../files/readable-text.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { type Random, systemRandom } from "../../runtime/random.ts";
import { differenceOf } from "./definition-difference.ts";
import { type PinDocument, type PinnedTool, pinText, readPinDocument } from "./pin-document.ts";
import type { PinVerdict, ShownTool, ToolPins } from "./tool-pins.ts";

/** Options of {@link filePins}. */
export interface FilePinsOptions {
  /** The file, mode 0600. Created with the first pin. */
  readonly path: string;
  readonly clock?: Clock;
  readonly random?: Random;
}

const EMPTY: PinDocument = new Map();

/**
 * Keeps the accepted definitions in a file. A tool that is not in it is pinned when it is first seen; another
 * definition of a pinned tool is not accepted until a person approves it (`sealwire mcp pins approve`). Several
 * processes may share the file. Its methods throw OPTIONS_INVALID for a file that cannot be used.
 *
 * @example
 * ```ts
 * const pins = filePins({ path: ".sealwire/pins.json" });
 * await using client = new SealwireClient({ credentials, pins });
 * ```
 */
export function filePins(options: FilePinsOptions): PinFile {
  return new PinFile(options);
}

/** A file of accepted definitions; see {@link filePins}. */
export class PinFile implements ToolPins {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #random: Random;
  #document: PinDocument = EMPTY;
  /** The version of the file that was read; "" if there was none. */
  #version = "";

  constructor({ path, clock = systemClock, random = systemRandom }: FilePinsOptions) {
    this.#path = path;
    this.#clock = clock;
    this.#random = random;
  }

  async check(serverId: string, tool: ShownTool): Promise<PinVerdict> {
    const known = await this.compare(serverId, tool);
    if (known !== undefined) return known;
    let verdict: PinVerdict = { kind: "accepted", isNew: true };
    await this.#change((document) => {
      const other = document.get(serverId)?.get(tool.name);
      // Another process may have pinned it meanwhile.
      if (other !== undefined) verdict = verdictOf(other, tool);
      return other === undefined ? this.#with(document, serverId, [tool]) : document;
    });
    return verdict;
  }

  /** Compares like {@link check}, but pins nothing. `undefined`: the tool is not known. */
  async compare(serverId: string, tool: ShownTool): Promise<PinVerdict | undefined> {
    const known = (await this.list(serverId)).get(tool.name);
    return known && verdictOf(known, tool);
  }

  /** The accepted definitions of a server's tools, by name. */
  async list(serverId: string): Promise<ReadonlyMap<string, PinnedTool>> {
    return (await this.#read()).get(serverId) ?? new Map();
  }

  /** Accepts these definitions in place of others. */
  async approve(serverId: string, tools: readonly ShownTool[]): Promise<void> {
    await this.#change((document) => this.#with(document, serverId, tools));
  }

  /** Forgets the definitions of these tools, or of all tools of the server. */
  async reset(serverId: string, names?: readonly string[]): Promise<void> {
    await this.#change((document) => {
      const kept = new Map(names === undefined ? [] : document.get(serverId));
      for (const name of names ?? []) kept.delete(name);
      const after = new Map(document).set(serverId, kept);
      if (kept.size === 0) after.delete(serverId);
      return after;
    });
  }

  #with(document: PinDocument, serverId: string, tools: readonly ShownTool[]): PinDocument {
    const all = new Map(document.get(serverId));
    const pinnedAtMs = this.#clock.nowMs();
    for (const { name, digest, lines } of tools) all.set(name, { digest, pinnedAtMs, lines });
    return new Map(document).set(serverId, all);
  }

  /** Reads the file if it has changed. */
  async #read(): Promise<PinDocument> {
    const version = await this.#fileVersion();
    if (version !== this.#version) {
      this.#document = version === "" ? EMPTY : await this.#load();
      this.#version = version;
    }
    return this.#document;
  }

  async #fileVersion(): Promise<string> {
    try {
      return fileVersion(await stat(this.#path, { bigint: true }));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
      throw this.#unusable(error);
    }
  }

  async #load(): Promise<PinDocument> {
    const { bytes } = await readPrivateFile({ path: this.#path, what: "pin file", reason: "OPTIONS_INVALID" });
    try {
      return readPinDocument(parseJson(bytes));
    } catch (error) {
      throw this.#unusable(error);
    }
  }

  async #change(change: (document: PinDocument) => PinDocument): Promise<void> {
    const lock = { path: this.#path, clock: this.#clock, reason: "OPTIONS_INVALID", command: "sealwire mcp" } as const;
    try {
      await withFileLock(lock, async () => {
        const before = await this.#read();
        const after = change(before);
        if (after === before) return;
        const text = readableText(pinText(after), (bytes) => readPinDocument(parseJson(bytes)));
        await replacePrivateFile(this.#path, text, this.#random);
      });
    } catch (error) {
      throw error instanceof SealwireError ? error : this.#unusable(error);
    }
  }

  #unusable(cause: unknown): SealwireError {
    const problem = cause instanceof Error ? cause.message : String(cause);
    const advice = "Mend it, or remove it; all tools are then pinned anew.";
    return new SealwireError("OPTIONS_INVALID", `The pin file ${this.#path} cannot be used: ${problem}\n${advice}`, {
      cause,
    });
  }
}

function verdictOf({ digest, lines }: PinnedTool, tool: ShownTool): PinVerdict {
  if (digest === tool.digest) return { kind: "accepted", isNew: false };
  return { kind: "changed", pinned: digest, difference: differenceOf(lines, tool.lines) };
}
