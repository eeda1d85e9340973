import type { Server } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";

/** Health of this server under its standard names. */
export interface Health {
  /** Says NOT_SERVING for every service. */
  stop(): void;
}

/** Serves grpc.health.v1.Health: "" stands for the server, each other name for one service. */
export function addHealth(server: Server, services: readonly string[]): Health {
  const names = ["", ...services];
  const health = new HealthImplementation(Object.fromEntries(names.map((name) => [name, "SERVING" as const])));
  health.addToServer(server);
  return {
    stop: () => {
      for (const name of names) health.setStatus(name, "NOT_SERVING");
    },
  };
}
