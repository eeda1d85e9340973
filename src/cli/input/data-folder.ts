import { join } from "node:path";

/** The folder that `serve --dev` makes, and where other commands look unless told otherwise. */
export const DEFAULT_DATA_FOLDER = ".sealwire";

/** Where a server and its first client keep what. */
export interface DataFolder {
  readonly folder: string;
  readonly keyRing: string;
  readonly store: string;
  readonly credentials: string;
}

/** Names the files in a data folder. */
export function dataFolder(folder = DEFAULT_DATA_FOLDER): DataFolder {
  return {
    folder,
    keyRing: join(folder, "key-ring.json"),
    store: join(folder, "sealwire.db"),
    credentials: join(folder, "client.json"),
  };
}
