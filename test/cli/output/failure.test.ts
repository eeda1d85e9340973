import { EXIT_CODES, ExitCode } from "../../../src/cli/output/exit-code.ts";
import { reportFailure } from "../../../src/cli/output/failure.ts";
import { LOCAL_REASONS, SealwireError, WIRE_REASONS } from "../../../src/errors.ts";
import { assert, suite } from "../../support/suite.ts";
import { RecordingTerminal } from "../cli-run.ts";

const test = suite("cli/output/failure");

function reported(thrown: unknown, env: Record<string, string> = {}) {
  const terminal = new RecordingTerminal({ env });
  const code = reportFailure(terminal, thrown);
  return { code, lines: terminal.stderr.trimEnd().split("\n") };
}

test("every reason has an exit code other than success", () => {
  for (const reason of [...Object.keys(WIRE_REASONS), ...Object.keys(LOCAL_REASONS)]) {
    assert.ok(EXIT_CODES[reason as keyof typeof EXIT_CODES] > 0, reason);
  }
});

test("a reason of the wire is named, with the table's remedy", () => {
  const { code, lines } = reported(new SealwireError("RATE_LIMITED", "Too fast."));
  assert.equal(lines, ["error: RATE_LIMITED: Too fast.", "  try: Try again after the retry delay."]);
  assert.is(code, ExitCode.unreachable);
});

test("a reason of this process that a call ended with is named, too", () => {
  for (const reason of ["UNREACHABLE", "CREDENTIALS_REFUSED", "RESPONSE_UNVERIFIED", "RESPONSE_INVALID"] as const) {
    const error = new SealwireError(reason, "It is so.");
    assert.equal(reported(error).lines, [`error: ${reason}: It is so.`, `  try: ${error.remedy}`]);
  }
});

test("what this process says itself may bring its own remedy", () => {
  const { lines } = reported(new SealwireError("OPTIONS_INVALID", "No key.\nchmod 600 x"));
  assert.equal(lines, ["error: No key.", "  try: chmod 600 x"]);
});

test("a text of the server stays on its line", () => {
  const { lines } = reported(new SealwireError("TOOL_FAILED", "boo\n  try: rm -rf /\u001b[2J"));
  assert.is(lines.length, 1);
  assert.is(lines[0], "error: TOOL_FAILED: boo   try: rm -rf / [2J");
});

test("where people need the request id, it is told", () => {
  const terminal = new RecordingTerminal();
  reportFailure(terminal, new SealwireError("INTERNAL"), "r-1");
  assert.match(terminal.stderr, /^ {2}request id: r-1$/m);
  reportFailure(terminal, new SealwireError("TOOL_FORBIDDEN"), "r-2");
  assert.not.match(terminal.stderr, "r-2");
});

test("the request id is told once", () => {
  const terminal = new RecordingTerminal();
  reportFailure(terminal, new SealwireError("UNREACHABLE", "No verified answer to request r-1 (UNAVAILABLE)."), "r-1");
  assert.is(terminal.stderr.split("r-1").length, 2);
});

test("bad arguments are told where the tool's fields are shown, not to fix violations that nobody listed", () => {
  const { lines } = reported(new SealwireError("ARGS_INVALID", "The arguments do not fit x.Y: no."));
  assert.equal(lines[1], "  try: Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.");
});

test("no advice is printed that only points back at the message", () => {
  for (const reason of ["OPTIONS_INVALID", "KEY_RING_INVALID", "STORE_UNUSABLE", "TOOL_FAILED"] as const)
    assert.equal(reported(new SealwireError(reason, "One line.")).lines.length, 1, reason);
  for (const reason of [...Object.keys(WIRE_REASONS), ...Object.keys(LOCAL_REASONS)]) {
    const { lines } = reported(new SealwireError(reason as keyof typeof EXIT_CODES, "It is so."));
    assert.not.match(
      lines.join("\n"),
      /what the message says|option that the message names|[Rr]ead the message/,
      reason,
    );
  }
});

test("SEALWIRE_DEBUG shows what caused an error, too", () => {
  const cause = new RangeError("deep down");
  const { lines } = reported(new SealwireError("OPTIONS_INVALID", "No.\nDo.", { cause }), { SEALWIRE_DEBUG: "1" });
  assert.match(lines.join("\n"), /caused by:\n +RangeError: deep down\n +at /);
});

test("further violations are counted", () => {
  const violations = ["a", "b", "c", "d"].map((field) => ({ field, ruleId: "r", message: "is bad" }));
  const { lines } = reported(new SealwireError("ARGS_INVALID", "a: is bad.", { violations, violationsOmitted: 5 }));
  assert.is(lines[0], "error: ARGS_INVALID: a: is bad. Also b: is bad; c: is bad; and 6 more.");
});

test("the file system's answers are usage errors, anything else a fault to be reported", () => {
  const denied = Object.assign(new Error("EACCES: permission denied, open 'x'"), { code: "EACCES", syscall: "open" });
  assert.is(reported(denied).code, ExitCode.usage);
  const fault = reported(new TypeError("oops"));
  assert.is(fault.code, ExitCode.failed);
  assert.match(fault.lines[1] ?? "", "SEALWIRE_DEBUG=1");
  assert.match(reported(new TypeError("oops"), { SEALWIRE_DEBUG: "1" }).lines.join("\n"), "failure.test.ts");
});

test.run();
