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
  "SealwireService (type)",
  "SealwireWorker (type)",
  "ServerLimits (type)",
  "ServerOptions (type)",
  "ServerTlsOptions (type)",
  "ServiceOptions (type)",
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
  "createService",
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

/** The same of each further entry point, sealwire/NAME. */
const FURTHER: Readonly<Record<string, readonly string[]>> = {
  client: [
    "CallResult (type)",
    "ClientCredentials (type)",
    "ClientOptions (type)",
    "JobHandle (type)",
    "JobPage (type)",
    "JobSnapshot (type)",
    "ListJobsOptions (type)",
    "Logger (type)",
    "PollOptions (type)",
    "Reason (type)",
    "SealwireClient",
    "SealwireError",
    "SealwireErrorOptions (type)",
    "ToolOutput (type)",
    "TypedTools (type)",
    "WatchJobsOptions (type)",
    "parseCredentials",
    "readCredentials",
  ],
  keys: [
    "AddedKey (type)",
    "ChangeContext (type)",
    "ClientCredentials (type)",
    "KeyEntry (type)",
    "KeyLimits (type)",
    "KeyOrigin (type)",
    "KeyRing (type)",
    "KeyRingDocument (type)",
    "KeyRingSource (type)",
    "KeyRotation (type)",
    "KeyState (type)",
    "MemoryKeyRing (type)",
    "NewKey (type)",
    "Reason (type)",
    "SealwireError",
    "SealwireErrorOptions (type)",
    "ServerSecret (type)",
    "VerificationKey (type)",
    "addKey",
    "buildKeyRing",
    "credentialsOf",
    "formatCredentials",
    "formatKeyRing",
    "memoryKeyRing",
    "newKeyRing",
    "parseCredentials",
    "parseKeyRing",
    "readCredentials",
    "retireKey",
    "revokeKey",
    "rotateKey",
    "rotateServerSecret",
    "watchKeyRing",
  ],
  server: [
    "KeyRingSource (type)",
    "ListenOptions (type)",
    "Logger (type)",
    "Metrics (type)",
    "Migration (type)",
    "Reason (type)",
    "SealwireError",
    "SealwireErrorOptions (type)",
    "SealwireServer (type)",
    "SealwireService (type)",
    "SealwireWorker (type)",
    "ServerLimits (type)",
    "ServerOptions (type)",
    "ServerTlsOptions (type)",
    "ServiceOptions (type)",
    "SharedStore (type)",
    "Store (type)",
    "ToolContext (type)",
    "ToolImplementation (type)",
    "ToolRunOrigin (type)",
    "WorkerOptions (type)",
    "createMetrics",
    "createServer",
    "createService",
    "createWorker",
    "demoTools",
    "failToolRun",
    "implement",
    "migratePostgresStore",
    "openPostgresStore",
    "openSqliteStore",
    "outputBytes",
    "watchKeyRing",
  ],
  signing: [
    "AuthenticatedRequest (type)",
    "EnvelopeExpectation (type)",
    "Image (type)",
    "KeyRing (type)",
    "Reason (type)",
    "RequestAuthenticator (type)",
    "RequestAuthenticatorOptions (type)",
    "RequestToSign (type)",
    "ResponseExpectation (type)",
    "SealwireError",
    "SealwireErrorOptions (type)",
    "SignedRequestFrame (type)",
    "SignedRequestParts (type)",
    "SignedResponseParts (type)",
    "StrictError",
    "VerificationKey (type)",
    "VerifiedResponse (type)",
    "builtinDescriptorSet",
    "builtinImage",
    "canonicalize",
    "checkEnvelope",
    "createRequestAuthenticator",
    "deriveRequestKey",
    "deriveResponseKey",
    "fingerprint",
    "formatRequestKey",
    "formatResponseKey",
    "intentDigest",
    "mac",
    "macKey",
    "messageDesc",
    "pae",
    "parseRequestKey",
    "parseResponseKey",
    "readEnvelope",
    "readImage",
    "requestSigningInput",
    "responseSigningInput",
    "signRequest",
    "signResponse",
    "verifyResponseFrame",
  ],
  testing: ["TestClient (type)", "TestServer (type)", "TestServerOptions (type)", "startTestServer"],
};

const ENTRIES = [
  { path: "src/index.ts", names: PUBLIC },
  ...Object.entries(FURTHER).map(([name, names]) => ({ path: `src/exports/${name}.ts`, names })),
];

for (const { path, names } of ENTRIES) {
  const text = readFileSync(join(ROOT, path), "utf8");

  test(`${path} exports exactly the pinned names`, () => {
    const exported = [...text.matchAll(/^export (type )?\{([^}]*)\} from "[^"]+";$/gm)].flatMap(
      ([, allTypes, list = ""]) =>
        list
          .split(",")
          .map((item) => item.trim())
          .filter((item) => item !== "")
          .map((item) => (allTypes || item.startsWith("type ") ? `${item.replace(/^type /, "")} (type)` : item)),
    );
    assert.equal(exported.sort(), [...names].sort());
  });

  test(`${path} checks the version of Node first and holds nothing else but named exports`, () => {
    const rest = text
      .replaceAll(/\/\*.*?\*\//gs, "")
      .replaceAll(/^export (?:type )?\{[^}]*\} from "[^"]+";$/gm, "")
      .trim();
    assert.match(rest, /^import "\.\.?\/runtime\/check-node\.ts";$/);
  });
}

test.run();
