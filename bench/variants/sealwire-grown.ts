import { sealwire } from "./sealwire.ts";
import { MANY_CONNECTIONS } from "./work.ts";

/* Sealwire on SQLite with large amounts of data, or many connections. */

/** Over many connections, which the callers use in turn. */
export const sealwireOverMany = sealwire({ title: "Sealwire on SQLite", connections: MANY_CONNECTIONS });

/** With a thousand clients in the key ring. */
export const sealwireWithManyClients = sealwire({
  title: "1,000 clients in the ring",
  options: () => ({
    clients: Object.fromEntries(["alice", ...numbered("client", 999)].map((name) => [name, {}])),
  }),
});

/** With a thousand tools in addition to the demo tools. */
export const sealwireWithManyTools = sealwire({
  title: "1,000 tools",
  options: async () => {
    const { testService } = await import("../../test/support/test-service.ts");
    const { demoTools } = await import("../../src/tools/demo-tools.ts");
    const methods = numbered("Tool", 1000).map((name) => [name, { idempotent: true, run: () => 0 }]);
    const { tools, descriptors } = testService(Object.fromEntries(methods));
    return { tools: [demoTools(), tools], descriptors: [descriptors] };
  },
});

/** With nonces that expire after ten seconds, so that as many expire as are added. */
export const sealwireExpiring = sealwire({
  title: "nonces expire and are swept",
  options: () => ({ limits: { maxAgeMs: 10_000 } }),
});

function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}${index + 1}`);
}
