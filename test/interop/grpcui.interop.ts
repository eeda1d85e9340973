// test-limit-ms: 900000
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { assert } from "../support/suite.ts";
import { goTool } from "./go-tool.ts";
import { InteropServer } from "./interop-server.ts";
import { suiteWith } from "./toolchain.ts";

const test = suiteWith(["go"], "interop/grpcui");

let grpcui: string;
let server: InteropServer;

test.before(async () => {
  grpcui = join(await goTool("grpcui"), "grpcui");
  server = await InteropServer.start();
});
test.after(() => server?.[Symbol.asyncDispose]());

/** Starts grpcui on a free port and lists the services that its page offers. */
async function servicesShown(...flags: readonly string[]): Promise<string[]> {
  const args = ["-plaintext", "-open-browser=false", ...flags, server.address];
  const child = spawn(grpcui, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close");
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const [url] = /http:\S+/.exec(line) ?? [];
      if (url === undefined) continue;
      const page = await (await fetch(url)).text();
      return [...page.matchAll(/<option value="([^"]+)"/g)].map(([, name = ""]) => name);
    }
    throw new Error("grpcui ended without saying where its page is");
  } finally {
    child.kill();
    await ended;
  }
}

test("grpcui shows the services that the server tells by reflection", async () => {
  assert.equal(await servicesShown(), ["grpc.health.v1.Health", "sealwire.v1.ToolService"]);
});

test("grpcui shows the tools of the published descriptor set, too", async () => {
  const descriptors = join(import.meta.dirname, "..", "..", "gen", "descriptors.binpb");
  const services = await servicesShown("-protoset", descriptors);
  assert.ok(services.includes("sealwire.demo.v1.DemoToolService"), services.join(" "));
  assert.ok(services.includes("sealwire.system.v1.SystemToolService"), services.join(" "));
});

test.run();
