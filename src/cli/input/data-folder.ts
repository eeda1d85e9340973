import { join } from "node:path";

/** The data folder that `serve --dev` creates, and the default of other commands. */
export const DEFAULT_DATA_FOLDER = ".sealwire";

/** The files in a data folder. */
export interface DataFolder {
  readonly folder: string;
  readonly keyRing: string;
  readonly store: string;
  readonly credentials: string;
  /** The socket of `sealwire proxy`. */
  readonly proxySocket: string;
  /** The one-time URL of the console, if it cannot be printed to a terminal. */
  readonly consoleUrl: string;
}

/** Returns the paths of the files in a data folder. */
export function dataFolder(folder = DEFAULT_DATA_FOLDER): DataFolder {
  return {
    folder,
    keyRing: join(folder, "key-ring.json"),
    store: join(folder, "sealwire.db"),
    credentials: join(folder, "client.json"),
    proxySocket: join(folder, "proxy.sock"),
    consoleUrl: join(folder, "console-url"),
  };
}
