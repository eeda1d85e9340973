import { SealwireError } from "../../errors.ts";
import { systemRandom } from "../../runtime/random.ts";
import type { ClientCredentials } from "../../signing/key-ring/credentials.ts";
import { macKey } from "../../signing/mac.ts";
import { namedAddress } from "../input/called-address.ts";
import { type ConnectionOptions, loadCredentials } from "../input/connection-options.ts";
import { openClient } from "../input/open-client.ts";
import { ExitCode } from "../output/exit-code.ts";
import { toJsonLine } from "../output/json-output.ts";
import type { Terminal } from "../output/terminal.ts";

/** Queries the standard gRPC health service. Needs no credentials if an address is given. */
export async function run(
  terminal: Terminal,
  service: string | undefined,
  options: ConnectionOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  await using client = await openClient(terminal, options, await whoAsks(terminal, options));
  const status = await client.health(service);
  terminal.print(options.json ? toJsonLine({ status }) : status);
  if (status === "SERVING") return ExitCode.done;
  if (status !== "SERVICE_UNKNOWN") return ExitCode.unreachable;
  const problem = service ? `The server has no service "${service}"` : "The server does not report its own health";
  throw new SealwireError("OPTIONS_INVALID", `${problem}.\nGive the full name of a service.`);
}

async function whoAsks(terminal: Terminal, options: ConnectionOptions): Promise<ClientCredentials> {
  const address = namedAddress(options, terminal.env);
  return address ? nobody(address) : loadCredentials(terminal, options);
}

/** Placeholder credentials: health requests and responses are not signed, so the keys are not used. */
function nobody(address: string): ClientCredentials {
  const [requestKey, responseKey] = [macKey(systemRandom.bytes(32)), macKey(systemRandom.bytes(32))];
  return { address, serverId: "-", serverFingerprint: "-", clientId: "-", keyId: "-", requestKey, responseKey };
}
