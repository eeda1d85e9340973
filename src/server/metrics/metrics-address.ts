import { SealwireError } from "../../errors.ts";
import { isLocal, type ListenAddress, parseListenAddress } from "../listen/address.ts";

/** Parses the address of metrics. Throws OPTIONS_INVALID for a unix socket, and beyond loopback unless `public`. */
export function checkMetricsAddress(
  address: string,
  { public: isPublic }: { readonly public: boolean },
): Extract<ListenAddress, { kind: "tcp" }> {
  const wanted = parseListenAddress(address);
  if (wanted.kind !== "tcp") {
    throw new SealwireError("OPTIONS_INVALID", `Metrics are not served on ${address}; use 127.0.0.1:PORT.`);
  }
  if (!isPublic && !isLocal(wanted)) {
    throw new SealwireError(
      "OPTIONS_INVALID",
      `Metrics are served on this machine only, not on ${address}; use 127.0.0.1:PORT, or set --metrics-public.`,
    );
  }
  return wanted;
}
