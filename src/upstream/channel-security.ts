import { hash, X509Certificate } from "node:crypto";
import { type ChannelCredentials, type ClientOptions, credentials } from "@grpc/grpc-js";
import { SealwireError } from "../errors.ts";
import { readRegularFile } from "../files/regular-file.ts";
import type { ResolvedUpstream, UpstreamTlsOptions } from "./options.ts";

/** The credentials of a channel, and the options that belong to them. */
export interface ChannelSecurity {
  readonly credentials: ChannelCredentials;
  readonly options: ClientOptions;
  /** Changes with the content of the TLS files. */
  readonly version: string;
}

const MAX_PEM_BYTES = 4 * 1024 * 1024;

/** The security of the channels to an upstream. Throws OPTIONS_INVALID naming the upstream and the file. */
export function securityOf({ name, tls }: Pick<ResolvedUpstream, "name" | "tls">): ChannelSecurity {
  if (tls === undefined) return { credentials: credentials.createInsecure(), options: {}, version: "" };
  const { serverName } = tls;
  const options =
    serverName === undefined
      ? {}
      : { "grpc.ssl_target_name_override": serverName, "grpc.default_authority": serverName };
  return { ...tlsCredentials(name, tls), options };
}

function tlsCredentials(
  name: string,
  { caPath, certificatePath, privateKeyPath }: UpstreamTlsOptions,
): Omit<ChannelSecurity, "options"> {
  const read = (path: string | undefined): Buffer | null => {
    if (path === undefined) return null;
    return readRegularFile({ path, what: `The file ${path} of the upstream "${name}"`, maxBytes: MAX_PEM_BYTES });
  };
  const files = [read(caPath), read(privateKeyPath), read(certificatePath)] as const;
  try {
    // OpenSSL ignores a file without certificates, and would then trust nobody.
    if (files[0] !== null) new X509Certificate(files[0]);
    const version = files.map((file) => (file === null ? "" : hash("sha256", file))).join(" ");
    return { credentials: credentials.createSsl(...files), version };
  } catch (cause) {
    const what = `The TLS files of the upstream "${name}" cannot be used: ${(cause as Error).message}.`;
    throw new SealwireError("OPTIONS_INVALID", `${what}\nGive files in PEM that belong together.`, { cause });
  }
}
