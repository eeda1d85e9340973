import { assert } from "../../../support/suite.ts";
import { type ClientCase, call, checkSum, ECHO, MAIN, RECORD, verdict } from "../client-case.ts";

const TEXT = "süß 🦭 \u0000 \u{10ffff} ﬀ \u202e";
const MIB = 1_048_576;

/** Calls that are answered. */
export const callCases: readonly ClientCase[] = [
  {
    name: "a call of a stub is answered, and names its intent",
    async run({ agent }) {
      const { metadata } = await checkSum(agent);
      assert.match(String(metadata?.["sealwire-request-id"]), /^[!-~]{1,128}$/);
    },
  },
  {
    name: "a tool is called by its name",
    async run({ agent }) {
      const { status, response } = await agent.run("tool", {
        channel: MAIN,
        tool: "batch_sum",
        request: { numbers: [1, 2, 3.5] },
        requestType: "sealwire.demo.v1.BatchSumRequest",
        responseType: "sealwire.demo.v1.BatchSumResponse",
      });
      assert.equal([status, response], ["OK", { count: 3, total: 6.5 }]);
    },
  },
  {
    name: "system tools are called through their stub, health is passed through",
    async run({ agent }) {
      const identity = await call(agent, "sealwire.system.v1.SystemToolService/ServerIdentity", {});
      assert.equal([identity.status, identity.response?.serverId], ["OK", "sealwire-dev"]);
      const health = await call(agent, "grpc.health.v1.Health/Check", {});
      assert.equal([health.status, health.response?.status], ["OK", "SERVING"]);
    },
  },
  {
    name: "an int64 is exact",
    async run({ agent }) {
      for (const number of ["9007199254740993", "9223372036854775807", "-9223372036854775808"]) {
        const { status, response } = await call(agent, ECHO, { number });
        assert.equal([status, response?.number], ["OK", number]);
      }
    },
  },
  {
    name: "any text comes back as it was",
    async run({ agent }) {
      const request = { text: TEXT, payload: { [TEXT]: [TEXT, null, { "": -0.5 }] }, names: { "-1": TEXT } };
      const { status, response } = await call(agent, ECHO, request);
      assert.is(status, "OK");
      assert.equal({ text: response?.text, payload: response?.payload, names: response?.names }, request);
    },
  },
  {
    name: "large arguments pass, too large ones are refused, and calls go on",
    async run({ agent }) {
      const text = "x".repeat(MIB - 2048);
      const large = await call(agent, ECHO, { text });
      assert.is(large.status, "OK");
      assert.is(String(large.response?.text).length, text.length);
      const refused = await call(agent, ECHO, { text: "x".repeat(MIB + 1) });
      assert.match(String(refused.status), /^(?:RESOURCE_EXHAUSTED|INVALID_ARGUMENT)$/);
      assert.match(String(refused.message), /1,?048,?576|1 MiB/);
      await checkSum(agent);
    },
  },
  {
    name: "a method that is no tool is UNIMPLEMENTED, and the tools are named",
    async run({ agent }) {
      const { status, message } = await call(agent, "interop.v1.AbsentToolService/Vanish", {});
      assert.is(status, "UNIMPLEMENTED");
      // The tools are in alphabetical order, and the text of a status is cut.
      assert.match(String(message), /interop\.v1\.InteropToolService\/Climb/);
    },
  },
  {
    name: "calls with one request id run once",
    async run({ agent }) {
      const named = { metadata: { "sealwire-request-id": `once-${Math.random()}` } };
      const [first, second] = [await call(agent, RECORD, {}, named), await call(agent, RECORD, {}, named)];
      assert.equal([first.status, second.status], ["OK", "OK"]);
      assert.equal(second.response, first.response);
      assert.is(second.metadata?.["sealwire-request-id"], named.metadata["sealwire-request-id"]);
      const other = await call(agent, RECORD, {});
      assert.is(BigInt(String(other.response?.number)), BigInt(String(first.response?.number)) + 1n);
      const changed = await call(agent, RECORD, { text: "another" }, named);
      assert.is(verdict(changed), "ALREADY_EXISTS REQUEST_ID_REUSED");
      const invalid = await call(agent, RECORD, {}, { metadata: { "sealwire-request-id": "two words" } });
      assert.match(verdict(invalid), /^INVALID_ARGUMENT/);
    },
  },
];
