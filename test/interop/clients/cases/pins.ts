import { join } from "node:path";
import type { CallObserver } from "../../../../src/server/request/access-log.ts";
import { createServer } from "../../../../src/server/server.ts";
import { writeCredentials } from "../../../../src/signing/key-ring/credentials.ts";
import { startServer } from "../../../support/running-server.ts";
import { assert } from "../../../support/suite.ts";
import { type ClientCase, call, RECORD, verdict, withChannel } from "../client-case.ts";

const CHANGED = "FAILED_PRECONDITION TOOL_CHANGED";

/** Tools of which one definition only is accepted. */
export const pinCases: readonly ClientCase[] = [
  {
    name: "a pinned tool is called, and no longer once its definition has changed",
    async run({ agent, folder }) {
      const { tools, descriptors } = await import("../../interop-tools.ts");
      const reasons: string[] = [];
      const observer: CallObserver = {
        callStarted() {},
        callEnded: ({ tool, reason }) => void (tool === "record" && reasons.push(reason)),
      };
      await using first = await startServer({ tools, descriptors, observers: [observer] });
      const credentials = join(folder, "pins.json");
      await writeCredentials(credentials, first.credentials());
      const record = async (channel: string) => await call(agent, RECORD, { text: "once" }, { channel });
      const accepted = await digestOf(first);
      await withChannel(agent, { credentials, pins: { record: accepted } }, async (channel) => {
        const { status, response } = await record(channel);
        assert.is(status, "OK");
        const recorded = Number(response?.number);

        await first.server.drain(0);
        const { keyRing, store } = first;
        const changed = { keyRing, store, tools, descriptors: descriptors.map(otherComment), observers: [observer] };
        await using second = await createServer(changed);
        await second.listen(first.address);

        // The client still has the list of before: the server refuses the call.
        assert.is(verdict(await record(channel)), CHANGED);
        assert.equal(reasons, ["", "TOOL_CHANGED"]);

        // A client that reads the list now does not call the tool.
        await withChannel(agent, { credentials, pins: { record: accepted } }, async (later) => {
          assert.is(verdict(await record(later)), CHANGED);
        });
        assert.is(reasons.length, 2);

        const other = await digestOf(first);
        assert.is.not(other, accepted);
        await withChannel(agent, { credentials, pins: { record: other } }, async (later) => {
          assert.is(Number((await record(later)).response?.number), recorded + 1);
        });
        // A tool that is not pinned is called as before.
        await withChannel(agent, { credentials, pins: { echo: accepted } }, async (later) => {
          assert.is((await record(later)).status, "OK");
        });
      });
    },
  },
];

/** The digest that a server states. */
async function digestOf(server: Pick<Awaited<ReturnType<typeof startServer>>, "client">): Promise<string> {
  const { tools } = await server.client().listTools();
  const digest = tools.find(({ name }) => name === "record")?.definitionDigest ?? "";
  assert.match(digest, /^[0-9a-f]{64}$/);
  return digest;
}

/** The contract with another comment of the same length, which is all that is not the same. */
function otherComment(descriptors: Uint8Array): Uint8Array {
  const [before, after] = ["a text to record", "a text to forget"].map((text) => Buffer.from(text));
  const changed = Buffer.from(descriptors);
  const at = before === undefined ? -1 : changed.indexOf(before);
  assert.ok(at > 0, "the comment is in the descriptors");
  after?.copy(changed, at);
  return changed;
}
