import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, suite } from "../support/suite.ts";
import { ROOT } from "./source-files.ts";

const test = suite("architecture/public-interface");

/** Every name that users may import. A change here is a change that CHANGELOG.md tells of. */
const PUBLIC = [
  "CallResult (type)",
  "ClientCredentials (type)",
  "ClientOptions (type)",
  "JobHandle (type)",
  "JobPage (type)",
  "JobSnapshot (type)",
  "KeyRingSource (type)",
  "ListJobsOptions (type)",
  "ListenOptions (type)",
  "Logger (type)",
  "Metrics (type)",
  "Migration (type)",
  "PollOptions (type)",
  "Reason (type)",
  "SealwireClient",
  "SealwireError",
  "SealwireErrorOptions (type)",
  "SealwireServer (type)",
  "SealwireWorker (type)",
  "ServerLimits (type)",
  "ServerOptions (type)",
  "ServerTlsOptions (type)",
  "SharedStore (type)",
  "Store (type)",
  "ToolContext (type)",
  "ToolImplementation (type)",
  "ToolOutput (type)",
  "ToolRunOrigin (type)",
  "TypedTools (type)",
  "WatchJobsOptions (type)",
  "WorkerOptions (type)",
  "createMetrics",
  "createServer",
  "createWorker",
  "demoTools",
  "failToolRun",
  "implement",
  "migratePostgresStore",
  "openPostgresStore",
  "openSqliteStore",
  "outputBytes",
  "readCredentials",
  "watchKeyRing",
];

const text = readFileSync(join(ROOT, "src", "index.ts"), "utf8");

test("src/index.ts exports exactly the pinned names", () => {
  const names = [...text.matchAll(/^export (type )?\{([^}]*)\} from "[^"]+";$/gm)].flatMap(([, allTypes, list = ""]) =>
    list
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "")
      .map((item) => (allTypes || item.startsWith("type ") ? `${item.replace(/^type /, "")} (type)` : item)),
  );
  assert.equal(names.sort(), [...PUBLIC].sort());
});

test("src/index.ts checks the version of Node first and holds nothing else but named exports", () => {
  const rest = text
    .replaceAll(/\/\*.*?\*\//gs, "")
    .replaceAll(/^export (?:type )?\{[^}]*\} from "[^"]+";$/gm, "")
    .trim();
  assert.is(rest, 'import "./runtime/check-node.ts";');
});

test.run();
