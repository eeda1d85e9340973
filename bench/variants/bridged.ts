import { join } from "node:path";
import type { BridgeQuestions } from "../process/bridge-process.ts";
import { pickCores } from "../process/cores.ts";
import { PinnedProcess } from "../process/pinned-process.ts";
import { type McpTarget, modernLoad } from "./mcp-load.ts";
import { sealwireOn } from "./sealwire-stores.ts";
import type { Variant } from "./variant.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

/** `batch_sum` of a Sealwire server behind its bridge for MCP hosts. Two processes on one core; both are counted. */
export const sealwireBridged: Variant<McpTarget> = {
  title: "Sealwire behind its MCP bridge",

  async serve() {
    const server = await sealwireOn("sqlite").serve();
    const bridge = new PinnedProcess<BridgeQuestions>({
      file: join(import.meta.dirname, "..", "process", "bridge-process.ts"),
      cores: pickCores().server,
      flags: process.execArgv.map((flag) => flag.replace(".cpuprofile", "-bridge.cpuprofile")),
    });
    const port = await bridge.ask("serve", { ...server.target, token: TOKEN });
    return {
      target: { port, token: TOKEN },
      otherUsage: () => bridge.ask("usage", undefined),
      async [Symbol.asyncDispose]() {
        await bridge[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  },

  connect: async (target) => modernLoad(target),
};
