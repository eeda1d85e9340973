/** `sealwire/testing`: starts a server for tests in this process, with a store in memory. */
import "../runtime/check-node.ts";

export { startTestServer, type TestClient, type TestServer, type TestServerOptions } from "../testing/test-server.ts";
