import { readFile, writeFile } from "node:fs/promises";
import { fromJson, toBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { readCredentials } from "../../src/signing/key-ring/credentials.ts";
import { builtinImage, messageDesc } from "../../src/wire/descriptors.ts";
import { CALL_STREAM_METHOD } from "../../src/wire/limits.ts";
import { descriptors } from "../interop/interop-tools.ts";
import { RELAY_CASES } from "../interop/relay-cases.ts";
import { signRaw } from "../support/raw-frame.ts";
import { assert, suite } from "../support/suite.ts";
import { type Ended, inFolder, run } from "./cli-run.ts";

const test = suite("cli/sign-verify");

const CREDENTIALS = ["--credentials", "c.json"];

/** Runs `body` in a folder with a ring and the credentials of a client that may call batch_sum. */
function signing(body: () => Promise<void>): Promise<void> {
  return inFolder(async () => {
    const args = ["keys", "add", "alice", "--tools", "batch_sum", "--server-id", "s", "--out", "c.json"];
    assert.is((await run(args)).code, 0);
    await body();
  });
}

async function signed(tool: string, json: string): Promise<string> {
  const { code, stdout, stderr } = await run(["sign", tool, json, ...CREDENTIALS]);
  assert.is(code, 0, stderr);
  return stdout;
}

const verify = (stdin: string | Uint8Array, ...args: string[]) => run(["verify", "--json", ...args], { stdin });

const failedStep = ({ stdout }: Ended) => JSON.parse(stdout).failedStep as string | undefined;

test("what sign prints, verify accepts, and names the steps that only a server can check", () =>
  signing(async () => {
    const frame = await signed("batch_sum", '{"numbers": [1, -0.0, 2.5]}');
    assert.match(frame, '"numbers":[1,-0,2.5]');
    const { code, stdout } = await verify(frame);
    assert.is(code, 0);
    const { ok, steps } = JSON.parse(stdout) as { ok: boolean; steps: { step: string; outcome: string }[] };
    assert.ok(ok);
    const unchecked = steps.filter((each) => each.outcome === "unchecked").map((each) => each.step);
    assert.equal(unchecked, ["limits", "nonce", "intent"]);
    assert.ok(steps.every((each) => each.outcome !== "failed"));
    const table = await run(["verify"], { stdin: frame });
    assert.match(table.stdout, /^ok +signature +holds for \/sealwire\.v1\.ToolService\/Call, as received$/m);
  }));

test("verify accepts the binary frame, too, and a file", () =>
  signing(async () => {
    const frame = await signed("batch_sum", '{"numbers": [1]}');
    const desc = messageDesc(builtinImage(), "sealwire.v1.CallRequest");
    const bytes = toBinary(desc, fromJson(desc, JSON.parse(frame), { registry: builtinImage().registry }));
    assert.is((await verify(bytes)).code, 0);
    await writeFile("frame.bin", bytes);
    assert.is((await verify("", "frame.bin")).code, 0);
  }));

test("verify with a client's own credentials leaves permissions open", () =>
  signing(async () => {
    const frame = await signed("batch_sum", '{"numbers": [1]}');
    const { code, stdout } = await verify(frame, ...CREDENTIALS);
    assert.is(code, 0);
    assert.match(stdout, '"step":"tool","outcome":"unchecked"');
  }));

test("verify names the first step that fails and exits as a call would", () =>
  signing(async () => {
    const good = await signed("batch_sum", '{"numbers": [1]}');
    const change = (from: string | RegExp, to: string) => good.replace(from, to);
    const cases: [string, string, number, string[]][] = [
      ["frame", "\n\u0001\u0001\u0012\u0001k", 3, []],
      ["key", change(/"keyId":"[^"]+"/, '"keyId":"k_none"'), 3, []],
      ["signature", change('"numbers":[1]', '"numbers":[2]'), 3, []],
      ["server", good, 3, ["--server-id", "other"]],
      ["time", good, 3, ["--at", "2100-01-01T00:00:00Z"]],
      ["tool", await signed("start_long_task", '{"seconds": 1}'), 3, []],
      ["args", await signed("batch_sum", "{}"), 2, []],
    ];
    for (const [step, input, code, args] of cases) {
      const ended = await verify(input, ...args);
      assert.is(failedStep(ended), step);
      assert.is(ended.code, code, step);
    }
    await run(["keys", "revoke", JSON.parse(good).keyId]);
    assert.is(failedStep(await verify(good)), "key");
  }));

test("verify says what is wrong with text that is no request", () =>
  signing(async () => {
    for (const text of ["{", '{"envelope": {"nope": 1}}']) {
      const { code, stderr } = await verify(text);
      assert.is(code, 2);
      assert.match(stderr, /^error: .+\n {2}try: .+\n$/);
    }
    assert.match((await verify("", "nothing.json")).stderr, "cannot be read (ENOENT)");
  }));

test("a map in another order verifies in canonical form", () =>
  signing(async () => {
    const frame = await signed("start_long_task", '{"seconds": 1, "payload": {"b": 1, "a": 2}}');
    assert.match(frame, '"payload":{"a":2,"b":1}');
    const relayed = frame.replace('"payload":{"a":2,"b":1}', '"payload":{"b":1,"a":2}');
    assert.match((await verify(relayed)).stdout, "in canonical form");
  }));

test("--explain shows on stderr how the signature comes about, and no key", () =>
  signing(async () => {
    const { stdout, stderr } = await run(["sign", "batch_sum", "{}", "--explain", ...CREDENTIALS]);
    const { signature } = JSON.parse(stdout);
    assert.match(stderr, 'PAE("request", method, key_id, Envelope)');
    assert.match(stderr, "mcp/0.1 4 7 request 29 /sealwire.v1.ToolService/Call");
    assert.match(stderr, Buffer.from(signature, "base64").toString("hex"));
    const { request_key: key } = JSON.parse(await readFile("c.json", "utf8"));
    assert.not.match(stderr, Buffer.from(key.slice(4), "base64url").toString("hex"));
    assert.not.match(stderr, key);
  }));

test("--grpcurl prints one command whose quotes hold", () =>
  signing(async () => {
    const json = `{"seconds": 1, "payload": {"it's": "$HOME"}}`;
    const { stdout } = await run(["sign", "start_long_task", json, "--grpcurl", ...CREDENTIALS]);
    assert.match(stdout, /^grpcurl -plaintext -d '\{.*\}' 127\.0\.0\.1:50051 sealwire\.v1\.ToolService\/Call\n$/);
    const several = await run([
      "sign",
      "batch_sum",
      "--grpcurl",
      "--address",
      "127.0.0.1:1,127.0.0.1:2",
      ...CREDENTIALS,
    ]);
    assert.match(several.stdout, / 127\.0\.0\.1:1 sealwire\.v1\.ToolService\/Call\n$/);
    assert.match(stdout, `{"it'\\''s":"$HOME"}`);
  }));

test("--grpcurl pipes what is too long for an argument", () =>
  signing(async () => {
    await writeFile("args.json", JSON.stringify({ seconds: 1, payload: { text: "x".repeat(120_000) } }));
    const { stdout } = await run(["sign", "start_long_task", "@args.json", "--grpcurl", ...CREDENTIALS]);
    assert.match(stdout, /^printf %s '\{.*\}' \| grpcurl -plaintext -d @ 127\.0\.0\.1:50051 \S+\n$/);
  }));

test("what a relay would change is named on stderr, each value once, and the request is printed all the same", () =>
  signing(async () => {
    await writeFile("contract.binpb", descriptors[0] as Uint8Array);
    const contract = ["--descriptors", "contract.binpb", ...CREDENTIALS];
    for (const { what, args, named } of RELAY_CASES) {
      await writeFile("args.json", args);
      const { code, stdout, stderr } = await run(["sign", "keep", "@args.json", "--count", "2", ...contract]);
      assert.is(code, 0, stderr);
      assert.is(stdout.trimEnd().split("\n").length, 2);
      const paths = [...stderr.matchAll(/^warning: (\S+): /gm)].map(([, path]) => path);
      assert.equal(paths, named, `${what}: ${stderr}`);
      assert.is(stderr.includes("  try: Call by `sealwire call`"), named.length > 0, what);
      const bytes = await run(["sign", "keep", "@args.json", "--binary", ...contract]);
      assert.is(bytes.stderr, "", `${what}, as bytes`);
    }
    const many = `{"doubles": [${Array(20).fill('"NaN"')}]}`;
    const { stderr } = await run(["sign", "keep", many, ...contract]);
    assert.match(stderr, /^warning: doubles\[4\]: NaN, .*\nwarning: 15 more\n/m);
  }));

test("--count signs as often as told, each time anew, one request a line", () =>
  signing(async () => {
    const { stdout } = await run(["sign", "batch_sum", '{"numbers": [1]}', "--count", "3", ...CREDENTIALS]);
    const lines = stdout.trimEnd().split("\n");
    assert.is(lines.length, 3);
    for (const line of lines) assert.is((await verify(line)).code, 0);
    const envelopes = lines.map((line) => JSON.parse(line).envelope);
    assert.is(new Set(envelopes.map(({ nonce }) => nonce)).size, 3);
    assert.is(new Set(envelopes.map(({ requestId }) => requestId)).size, 3);
  }));

test("--count with --request-id makes attempts of one intent", () =>
  signing(async () => {
    const { stdout } = await run(["sign", "batch_sum", "--count", "2", "--request-id", "r-1", ...CREDENTIALS]);
    const envelopes = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).envelope);
    assert.equal(
      envelopes.map(({ requestId }) => requestId),
      ["r-1", "r-1"],
    );
    assert.is.not(envelopes[0].nonce, envelopes[1].nonce);
  }));

test("--binary prints each request behind its length", () =>
  signing(async () => {
    const args = ["sign", "batch_sum", '{"numbers": [1]}', "--count", "2", "--binary", ...CREDENTIALS];
    const { stdout } = await run(args);
    const reader = new BinaryReader(Buffer.from(stdout, "latin1"));
    const frames = [reader.bytes(), reader.bytes()];
    assert.is(reader.pos, reader.len);
    for (const frame of frames) assert.is((await verify(frame)).code, 0);
  }));

test("options of sign that exclude each other are refused", () =>
  signing(async () => {
    for (const options of [
      ["--count", "2", "--grpcurl"],
      ["--count", "2", "--explain"],
      ["--binary", "--grpcurl"],
      ["--count", "0"],
    ]) {
      const { code, stdout } = await run(["sign", "batch_sum", "{}", ...options, ...CREDENTIALS]);
      assert.equal([code, stdout], [2, ""], options.join(" "));
    }
  }));

test("watch_job and watch_jobs are signed for their own RPC", () =>
  signing(async () => {
    for (const frame of [await signed("watch_job", '{"jobId": "j"}'), await signed("watch_jobs", '{"tool": "t"}')]) {
      assert.match((await verify(frame)).stdout, "holds for /sealwire.v1.ToolService/WatchJob");
    }
  }));

test("a request for a call stream is told from one for Call", () =>
  signing(async () => {
    const credentials = await readCredentials("c.json");
    const request = {
      tool: "batch_sum",
      type: "sealwire.demo.v1.BatchSumRequest",
      value: Buffer.from("0a080000000000000000", "hex"),
    };
    const { frame } = signRaw(credentials, { ...request, method: CALL_STREAM_METHOD });
    const { code, stdout } = await verify(frame);
    assert.match(stdout, `holds for ${CALL_STREAM_METHOD}`);
    assert.is(code, 0, stdout);
  }));

test("arguments come from a file and from stdin, and are read strictly", () =>
  signing(async () => {
    await writeFile("args.json", '{"numbers": [7]}');
    assert.match(await signed("batch_sum", "@args.json"), '"numbers":[7]');
    const piped = await run(["sign", "batch_sum", "-", ...CREDENTIALS], { stdin: '{"numbers": [8]}' });
    assert.match(piped.stdout, '"numbers":[8]');
    const bad = [
      "{",
      '{"numbers": [1], "numbers": [2]}',
      '{"number": [1]}',
      '{"numbers": ["x"]}',
      '{"numbers": [9007199254740993]}',
    ];
    for (const json of bad) {
      const { code, stdout, stderr } = await run(["sign", "batch_sum", json, ...CREDENTIALS]);
      assert.equal([code, stdout], [2, ""], json);
      assert.match(stderr, /^error: .+\n {2}try: .+\n$/, json);
    }
  }));

test.run();
