import { SealwireError } from "../../errors.ts";
import { holdsPassword, isPostgresUrl } from "../../store/postgres/connection/connection.ts";
import type { Terminal } from "../output/terminal.ts";
import { readConfig } from "./config-file.ts";
import { DEFAULT_DATA_FOLDER, dataFolder } from "./data-folder.ts";
import { isSecretCommand, secretCommand } from "./server-secrets.ts";
import type { FileSettings } from "./settings.ts";

/** Options for the location of a server's key ring and store. */
export interface LocationOptions {
  /** Configuration file of the server. */
  readonly config?: string;
  readonly data?: string;
  readonly store?: string;
  readonly keyRing?: string;
  readonly serverSecretFile?: string;
}

/** A value with its source for messages: the option, the variable, or the setting and its file. */
export interface Named {
  readonly value: string;
  readonly source: string;
  /** True if it was set on the command line. */
  readonly isTyped: boolean;
  /** True if it was set in the configuration file. */
  readonly isConfigured: boolean;
}

/** The location of key ring and store. A part that is not set is `undefined`. */
export interface DataLocation {
  /** The data folder, which has a default. */
  readonly data: Named;
  /** URL of a shared store. */
  readonly store: Named | undefined;
  readonly keyRing: Named | undefined;
  /** A file, or `exec:COMMAND`. */
  readonly serverSecretFile: Named | undefined;
}

/** The sources of {@link resolveLocation}. */
export interface LocationSources {
  readonly options: LocationOptions;
  readonly env: Terminal["env"];
  /** The content of the file in `options.config`. */
  readonly file: FileSettings;
}

/**
 * Resolves the location of key ring and store. The command line overrides the environment, which overrides the
 * configuration file, which overrides the defaults. Throws OPTIONS_INVALID for contradictory values, naming both.
 */
export function resolveLocation({ options, env, file }: LocationSources): DataLocation {
  const pick = (name: "data" | "keyRing" | "serverSecretFile", option: string, setting: string): Named | undefined =>
    typed(options[name], option) ?? configured(file[name], setting, options.config);
  const place = {
    data: pick("data", "--data", "data") ?? {
      value: DEFAULT_DATA_FOLDER,
      source: "--data",
      isTyped: false,
      isConfigured: false,
    },
    store: nameStore({ options, env, file }),
    keyRing: pick("keyRing", "--key-ring", "key_ring"),
    serverSecretFile: pick("serverSecretFile", "--server-secret-file", "server_secret_file"),
  };
  const { serverSecretFile: secrets, keyRing, store } = place;
  if (secrets !== undefined && keyRing !== undefined) {
    const what = `${secrets.source} belongs to a key ring in a database, and ${keyRing.source} names one in a file.`;
    throw invalid(what, "Leave one of them out.");
  }
  if (secrets !== undefined && store === undefined) {
    const what = `${secrets.source} belongs to a key ring in a database, and neither --store nor SEALWIRE_STORE names one.`;
    throw invalid(what, "Give --store postgres://…, or --key-ring FILE in place of the server secrets.");
  }
  if (secrets !== undefined && isSecretCommand(secrets.value)) secretCommand(secrets.value, secrets.source);
  return place;
}

/**
 * Reads the configuration file in the options and resolves the location of key ring and store. Throws OPTIONS_INVALID.
 */
export async function findLocation(options: LocationOptions, env: Terminal["env"]): Promise<DataLocation> {
  return resolveLocation({ options, env, file: options.config === undefined ? {} : await readConfig(options.config) });
}

/** The store that a command uses. */
export type StoreLocation =
  | { readonly kind: "shared"; readonly url: string; readonly source: string }
  | { readonly kind: "folder"; readonly path: string };

/**
 * Finds the store that a command uses. A data folder on the command line overrides a shared store in the environment or
 * the configuration. Throws OPTIONS_INVALID, also if the command line sets both.
 */
export async function findStore(options: LocationOptions, env: Terminal["env"]): Promise<StoreLocation> {
  const { data, store } = await findLocation(options, env);
  if (data.isTyped && store?.isTyped) {
    throw invalid("--data names the store in a folder, and --store one in a database.", "Leave one of them out.");
  }
  if (store === undefined || data.isTyped) return { kind: "folder", path: dataFolder(data.value).store };
  return { kind: "shared", url: store.value, source: store.source };
}

function nameStore({ options, env, file }: LocationSources): Named | undefined {
  const named =
    typed(options.store, "--store") ??
    (env.SEALWIRE_STORE === undefined
      ? configured(file.store, "store", options.config)
      : { value: env.SEALWIRE_STORE, source: "SEALWIRE_STORE", isTyped: false, isConfigured: false });
  return named === undefined || named.value === "" ? undefined : { ...named, value: storeUrl(named) };
}

/** Refuses a password on the command line, which every user of the machine could read. */
function storeUrl({ value, source, isTyped }: Named): string {
  if (!isPostgresUrl(value)) {
    const toDo = "Give postgres://USER@HOST/DATABASE, or --data DIR for a store in a folder.";
    throw invalid(`The store that ${source} names is not a PostgreSQL URL.`, toDo);
  }
  if (isTyped && holdsPassword(value)) {
    const toDo = "Put the URL into SEALWIRE_STORE or the configuration, or the password into PGPASSWORD or ~/.pgpass.";
    throw invalid("A password on the command line can be read by others.", toDo);
  }
  return value;
}

function typed(value: string | undefined, source: string): Named | undefined {
  return value === undefined ? undefined : { value, source, isTyped: true, isConfigured: false };
}

function configured(value: string | undefined, setting: string, path = ""): Named | undefined {
  return value === undefined
    ? undefined
    : { value, source: `${setting} in ${path}`, isTyped: false, isConfigured: true };
}

function invalid(what: string, toDo: string): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `${what}\n${toDo}`);
}
