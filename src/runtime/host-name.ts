import { hostname } from "node:os";

/** The name of this machine, as it knows it. In a container it is usually that of the container. */
export function hostName(): string {
  return hostname();
}
