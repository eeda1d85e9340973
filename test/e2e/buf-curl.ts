import { execFile } from "node:child_process";
import { join } from "node:path";

const BUF = join(import.meta.dirname, "..", "..", "node_modules", ".bin", "buf");

/** What `buf curl` came to: the answer on stdout, or the error on stderr. */
export interface Curled {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Calls a method as someone with nothing but buf would: the schema comes from the server's reflection. */
export function bufCurl(address: string, method: string, body: string, ...flags: readonly string[]): Promise<Curled> {
  const url = `http://${address}/${method}`;
  const args = ["curl", "--protocol", "grpc", "--http2-prior-knowledge", ...flags, "-d", "@-", url];
  return new Promise((resolve) => {
    const child = execFile(BUF, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
    child.stdin?.end(body);
  });
}
