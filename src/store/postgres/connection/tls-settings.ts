import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { SealwireError } from "../../../errors.ts";
import type { ParameterValues } from "./url-parameters.ts";

/** Value of sslrootcert for the certificate authorities that Node trusts. */
const SYSTEM = "system";

/**
 * The TLS options for `sslmode` and the related parameters, as in libpq; false for plaintext. A related parameter
 * without effect is refused. Files are read once. Throws OPTIONS_INVALID.
 */
export function readTls({ sslmode, sslrootcert, sslcert, sslkey }: ParameterValues): ConnectionOptions | false {
  const verifies = sslmode === "verify-ca" || sslmode === "verify-full";
  if (sslrootcert !== undefined && !verifies) {
    throw refused("sslrootcert has an effect only with sslmode=verify-full or verify-ca.");
  }
  if ((sslcert === undefined) !== (sslkey === undefined)) throw refused("Set both sslcert and sslkey, or neither.");
  if (sslmode === undefined || sslmode === "disable") {
    if (sslcert !== undefined) throw refused("sslcert has no effect without TLS; set sslmode=verify-full.");
    return false;
  }
  return {
    rejectUnauthorized: verifies,
    ...(sslrootcert !== undefined && sslrootcert !== SYSTEM && { ca: read("sslrootcert", sslrootcert) }),
    ...(sslcert !== undefined && { cert: read("sslcert", sslcert) }),
    ...(sslkey !== undefined && { key: read("sslkey", sslkey) }),
    // Checks the certificate, but not the name in it.
    ...(sslmode === "verify-ca" && { checkServerIdentity: () => undefined }),
  };
}

function read(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    throw refused(`${name} cannot be read: ${(thrown as Error).message}.`);
  }
}

function refused(what: string): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `The store's ${what}\nCorrect the store's URL.`);
}
