import type { Store } from "../../src/store/store.ts";
import type { TestServerOptions } from "../../test/support/running-server.ts";
import type { ToolCall } from "../load/signed-calls.ts";
import { replaceModules } from "./replaced/replace-modules.ts";
import type { Variant } from "./variant.ts";
import { RESULT } from "./work.ts";

/** The address of a Sealwire server and the content of a credentials file. */
export interface SealwireTarget {
  readonly address: string;
  readonly credentials: string;
}

/** The parts of a Sealwire server and of its calls. Default: as for users. */
export interface SealwireParts {
  readonly title: string;
  /** Default: SQLite in a temporary folder. */
  readonly openStore?: () => Promise<Store>;
  /** Replaced modules of the product; see {@link replaceModules}. */
  readonly replacements?: Readonly<Record<string, string>>;
  /** Server options. Called in the server's process. */
  readonly options?: (store: Store) => TestServerOptions | Promise<TestServerOptions>;
  /** Number of connections. Default 1. */
  readonly connections?: number;
  /** The tool, its arguments, and bytes that every right answer holds. Default: `batch_sum`, the numbers, their sum. */
  readonly call?: { readonly tool: string; readonly args?: ToolCall["args"]; readonly expected: Uint8Array };
}

/**
 * A Sealwire server as a variant, by default with the demo tools. The product is imported dynamically, so that modules
 * can be replaced before.
 */
export function sealwire({
  title,
  openStore,
  replacements = {},
  options,
  connections = 1,
  call,
}: SealwireParts): Variant<SealwireTarget> {
  const { tool, args, expected }: NonNullable<SealwireParts["call"]> = call ?? { tool: "batch_sum", expected: RESULT };
  return {
    title,

    async serve() {
      const replaced = replaceModules(replacements);
      const { startServer } = await import("../../test/support/running-server.ts");
      const { formatCredentials } = await import("../../src/signing/key-ring/credentials.ts");
      const { openTemporaryStore } = await import("./temporary-store.ts");
      replaced.checkUsed();
      const store = await (openStore ?? openTemporaryStore)();
      const server = await startServer({ store, ...(await options?.(store)) });
      const target = { address: server.address, credentials: formatCredentials(server.credentials()) };
      return {
        target,
        async [Symbol.asyncDispose]() {
          await server[Symbol.asyncDispose]();
          await store[Symbol.asyncDispose]();
        },
      };
    },

    async connect({ address, credentials }) {
      const { Http2Load } = await import("../load/http2-load.ts");
      const { numbersCall, SignedCalls } = await import("../load/signed-calls.ts");
      const calls = new SignedCalls(credentials, { ...numbersCall(tool), ...(args && { args }) });
      const makeMessage = (): Uint8Array => calls.next();
      return Http2Load.connect({ address, connections, path: calls.method, makeMessage, expected });
    },
  };
}
