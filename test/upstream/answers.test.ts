import { constants, type ServerHttp2Stream } from "node:http2";
import { gzipSync } from "node:zlib";
import type { Reason } from "../../src/errors.ts";
import { eventually } from "../support/eventually.ts";
import { rejection } from "../support/rejection.ts";
import { startServer } from "../support/running-server.ts";
import { assert, suite } from "../support/suite.ts";
import { encoded, SERVICE } from "./fault-upstream.ts";
import { answer, startRawUpstream } from "./raw-upstream.ts";

/* Ends of a call that no tool has reported. grpc-js gives them codes and texts of its own. */
const test = suite("upstream/answers");

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INADEQUATE_SECURITY, NGHTTP2_INTERNAL_ERROR } = constants;
const HUGE = Buffer.concat([Buffer.from("1a80808002", "hex"), Buffer.alloc(4 << 20)]);

const reset = (code: number) => (stream: ServerHttp2Stream) => stream.close(code);

const html = (status: number) => (stream: ServerHttp2Stream) => {
  stream.respond({ ":status": status, "content-type": "text/html" });
  stream.end("<html>");
};

type End = readonly [string, (stream: ServerHttp2Stream) => unknown, Reason];

const ENDS: readonly End[] = [
  ["reset-cancel", reset(NGHTTP2_CANCEL), "OUTCOME_UNKNOWN"],
  ["reset-internal", reset(NGHTTP2_INTERNAL_ERROR), "OUTCOME_UNKNOWN"],
  ["reset-calm", reset(NGHTTP2_ENHANCE_YOUR_CALM), "OUTCOME_UNKNOWN"],
  ["reset-insecure", reset(NGHTTP2_INADEQUATE_SECURITY), "OUTCOME_UNKNOWN"],
  ["connection-lost", (stream) => stream.session?.destroy(), "OUTCOME_UNKNOWN"],
  ["connection-calm", (stream) => stream.session?.destroy(undefined, NGHTTP2_ENHANCE_YOUR_CALM), "OUTCOME_UNKNOWN"],
  ["http-401", html(401), "OUTCOME_UNKNOWN"],
  ["http-403", html(403), "OUTCOME_UNKNOWN"],
  ["http-404", html(404), "OUTCOME_UNKNOWN"],
  ["http-503", html(503), "OUTCOME_UNKNOWN"],
  [
    "status-17",
    (stream) => answer(stream, undefined, { trailers: { "grpc-status": "17", "grpc-message": "odd" } }),
    "OUTCOME_UNKNOWN",
  ],
  ["no-message", (stream) => answer(stream, undefined, { trailers: { "x-more": "1" } }), "INTERNAL"],
  ["too-large", (stream) => answer(stream, HUGE, { trailers: { "x-more": "1" } }), "RESULT_TOO_LARGE"],
  [
    "too-large-unzipped",
    (stream) => answer(stream, gzipSync(HUGE), { headers: { "grpc-encoding": "gzip" }, isCompressed: true }),
    "RESULT_TOO_LARGE",
  ],
];

test("a call that ends without a gRPC status, or with an answer that cannot be read, does not run again", async () => {
  await using upstream = await startRawUpstream(() => {});
  await using server = await startServer({ tools: [], upstreams: [upstream.options] });
  const client = server.client("alice", { retry: { maxAttempts: 1 } });
  const serving = () => eventually("it serves", async () => (await client.health(SERVICE)) === "SERVING");
  for (const [requestId, act, reason] of ENDS) {
    upstream.act = act;
    for (let turn = 0; turn < 2; turn += 1) {
      await serving();
      const error = await rejection(reason, client.call("act", { what: "x" }, { requestId }));
      assert.not.match(error.message, /HTTP|Bandwidth|secure|odd/, requestId);
    }
    assert.is(upstream.calls.splice(0).length, 1, requestId);
  }
});

test("a stream that the upstream refuses has not begun, and the same intent may run", async () => {
  await using upstream = await startRawUpstream(reset(constants.NGHTTP2_REFUSED_STREAM));
  await using server = await startServer({ tools: [], upstreams: [upstream.options] });
  const client = server.client("alice", { retry: { maxAttempts: 1 } });
  const serving = () => eventually("it serves", async () => (await client.health(SERVICE)) === "SERVING");
  await serving();
  await rejection("UNAVAILABLE", client.call("act", { what: "x" }, { requestId: "one" }));
  upstream.act = (stream) => answer(stream, encoded("did"));
  await serving();
  const { output } = await client.call("act", { what: "x" }, { requestId: "one" });
  assert.equal(await output?.json(), { text: "did" });
});

test.run();
