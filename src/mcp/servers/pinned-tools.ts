import { readFile, stat } from "node:fs/promises";
import { SealwireError } from "../../errors.ts";
import { withFileLock } from "../../files/file-lock.ts";
import { JsonFieldError, JsonFields } from "../../files/json-fields.ts";
import { JsonTextError, parseJson } from "../../files/json-text.ts";
import { replacePrivateFile } from "../../files/private-file-write.ts";
import { readableText } from "../../files/readable-text.ts";
import { systemClock } from "../../runtime/clock.ts";
import { systemRandom } from "../../runtime/random.ts";
import type { ToolText } from "./tool-text.ts";

/** The accepted tools of each server, by its name. */
type Pins = ReadonlyMap<string, readonly ToolText[]>;

/** Mode bits that let users other than the owner write. */
const OTHERS_WRITE = 0o022;
const TASK_SUPPORT = ["", "optional", "required"] as const;

/** The file with the definitions that were accepted, so that a restart does not accept others unseen. */
export class PinnedTools {
  readonly #path: string;
  #pins: Pins;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, pins: Pins) {
    this.#path = path;
    this.#pins = pins;
  }

  /** Reads the file, which need not exist. Throws OPTIONS_INVALID naming the file and the field. */
  static async open(path: string): Promise<PinnedTools> {
    return new PinnedTools(path, await readPins(path));
  }

  /** The accepted tools of a server. */
  of(server: string): readonly ToolText[] {
    return this.#pins.get(server) ?? [];
  }

  /** Adds tools that are accepted because they are new. Other processes may have written the file meanwhile. */
  add(server: string, tools: readonly ToolText[]): Promise<void> {
    const lock = {
      path: this.#path,
      clock: systemClock,
      reason: "OPTIONS_INVALID",
      command: "sealwire serve",
    } as const;
    const write = async (): Promise<void> => {
      const pins = await readPins(this.#path);
      const known = pins.get(server) ?? [];
      const names = new Set(known.map(({ mcpName }) => mcpName));
      const all = [...known, ...tools.filter(({ mcpName }) => !names.has(mcpName))];
      this.#pins = new Map([...pins, [server, all]]);
      const text = `${JSON.stringify(Object.fromEntries(this.#pins), undefined, 2)}\n`;
      await replacePrivateFile(this.#path, readableText(text, parsePins), systemRandom);
    };
    this.#writing = this.#writing.then(() => withFileLock(lock, write));
    return this.#writing;
  }
}

async function readPins(path: string): Promise<Pins> {
  try {
    const { mode } = await stat(path);
    if ((mode & OTHERS_WRITE) !== 0) throw refused(path, "others can write it, so chmod 600 it");
    return parsePins(await readFile(path));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return new Map();
    if (cause instanceof JsonFieldError || cause instanceof JsonTextError) throw refused(path, cause.message, cause);
    if (cause instanceof SealwireError) throw cause;
    throw refused(path, `it cannot be read (${code})`, cause);
  }
}

function parsePins(bytes: Uint8Array): Pins {
  const servers = new JsonFields(parseJson(bytes));
  return new Map(servers.names().map((server) => [server, servers.objects(server).map(parseTool)]));
}

function parseTool(fields: JsonFields): ToolText {
  const json = (name: string): string => {
    const text = fields.text(name);
    if (text !== "" && !isObject(text)) fields.fail(name, "must be the JSON text of an object");
    return text;
  };
  const tool = {
    mcpName: fields.text("mcpName"),
    title: fields.text("title"),
    description: fields.text("description"),
    inputSchema: json("inputSchema") || fields.fail("inputSchema", "must not be empty"),
    outputSchema: json("outputSchema"),
    annotations: json("annotations") || "{}",
    taskSupport: fields.oneOf("taskSupport", TASK_SUPPORT),
  };
  fields.end();
  return tool;
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function refused(path: string, problem: string, cause?: unknown): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `The pinned tools ${path} are refused: ${problem}.`, { cause });
}
