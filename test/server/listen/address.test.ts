import { SealwireError } from "../../../src/errors.ts";
import { formatAddress, isLocal, parseListenAddress } from "../../../src/server/listen/address.ts";
import { assert, suite } from "../../support/suite.ts";

const test = suite("server/listen/address");

test("an address comes back as it was written", () => {
  for (const text of ["127.0.0.1:50051", "[::1]:0", "example.org:443", "unix:/run/sealwire.sock"]) {
    assert.is(formatAddress(parseListenAddress(text)), text);
  }
});

test("only loopback and unix sockets are local", () => {
  for (const text of ["127.0.0.1:1", "127.8.9.10:1", "localhost:1", "[::1]:1", "unix:s"]) {
    assert.ok(isLocal(parseListenAddress(text)), text);
  }
  for (const text of ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "127.0.0.1.example.org:1", "[::ffff:10.0.0.1]:1"]) {
    assert.not.ok(isLocal(parseListenAddress(text)), text);
  }
});

test("what is no address is refused", () => {
  for (const text of [
    "",
    "localhost",
    ":50051",
    "::1:5",
    "host:65536",
    "host:-1",
    "host:5x",
    "unix:",
    "unix:a\0b",
    "unix:a\n",
    "a b:1",
  ]) {
    assert.throws(
      () => parseListenAddress(text),
      (error: unknown) => error instanceof SealwireError && error.reason === "OPTIONS_INVALID",
      text,
    );
  }
});

test.run();
