import { currentVersion } from "../../files/private-file.ts";
import { type LoadedSecrets, loadServerSecrets } from "./server-secret-file.ts";

/** Where the server secrets of a ring in a database come from. */
export interface ServerSecretSource extends AsyncDisposable {
  /** Name in messages: the path of the file, or the program. */
  readonly name: string;
  /** Returns the version of the secrets that {@link load} would return now. Never rejects and never waits for a program. */
  version(): Promise<string>;
  /** Returns the secrets in force. Throws KEY_RING_INVALID, and UNAVAILABLE if a later attempt may succeed. */
  load(): Promise<LoadedSecrets>;
  /** Fetches the secrets again before their time. Never rejects: the last ones stay in force if that fails. */
  renew(): Promise<void>;
}

/** Server secrets in a file, which is read again when it changes. */
export function serverSecretFile(path: string): ServerSecretSource {
  return {
    name: path,
    version: () => currentVersion(path),
    load: () => loadServerSecrets(path),
    async renew() {},
    async [Symbol.asyncDispose]() {},
  };
}
