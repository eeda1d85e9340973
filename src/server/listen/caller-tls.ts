import { X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import type { ServerTlsOptions } from "../options.ts";
import { readTlsFiles } from "./tls-files.ts";

/** Stands for the file of a certificate authority that the server does not have. */
export const OWN_AUTHORITY = "ca.pem";

/** What callers of a server with TLS need. */
export interface CallerTls {
  /**
   * The file of the certificate authority: the path of the server's certificate if it contains its own authority, or
   * {@link OWN_AUTHORITY}. Absent if Node.js trusts the authority.
   */
  readonly ca?: string;
  /** True if callers must present a certificate. */
  readonly clientCertificate: boolean;
}

/** Reads what callers of a server with these certificates need. Throws OPTIONS_INVALID for a file that cannot be read. */
export function callerTls(tls: ServerTlsOptions): CallerTls {
  const clientCertificate = tls.clientCaPath !== undefined;
  const chain = readChain(String(readTlsFiles(tls).cert));
  const roots = rootCertificates.map((root) => new X509Certificate(root));
  const isTrusted = chain.some((each) => roots.some((root) => isIssuedBy(each, root)));
  if (isTrusted) return { clientCertificate };
  const hasAuthority = chain.some((each) => isIssuedBy(each, each));
  return { ca: hasAuthority ? tls.certificatePath : OWN_AUTHORITY, clientCertificate };
}

function readChain(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
