import { SealwireError } from "../../src/errors.ts";
import { parseAddresses } from "../../src/wire/server-address.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("wire/server-address");

test("what gRPC can call is taken", () => {
  for (const address of [
    "localhost",
    "localhost:1",
    "127.0.0.1:50051",
    "[::1]:65535",
    "::1",
    "[fe80::1%eth0]:443",
    "tools.example:443",
    "my_service:443",
    "unix:run/sealwire.sock",
    "unix:/tmp/a folder/s.sock",
    "unix:///tmp/s.sock",
    "ipv4:127.0.0.1:1",
    "ipv6:[::1]:1",
    "custom:///replicas",
    "dns:///tools.example",
    "dns:127.0.0.1:1",
  ]) {
    assert.equal(
      parseAddresses(address).map(({ target }) => target),
      [address],
    );
  }
});

test("what nobody can call is refused with the address and what to give", () => {
  for (const address of [
    "127.0.0.1:1\n",
    "tools.example\r\n:443",
    "unix:/tmp/a\u0000b",
    "tools\u2028.example:1",
    "tools .example:1",
    "localhost:65536",
    "localhost:0",
    "dns:///tools.example:99999",
    "localhost:http",
    "localhost:",
    ":443",
    "[::1:1",
    "[zz]:1",
    "https://tools.example",
    "unix:",
    "unix://tmp/s.sock",
    "dns:",
    "a/b:1",
    "x".repeat(1025),
  ]) {
    let thrown: unknown;
    try {
      parseAddresses([address]);
    } catch (error) {
      thrown = error;
    }
    assert.instance(thrown, SealwireError, JSON.stringify(address));
    const { reason, message } = thrown as SealwireError;
    assert.is(reason, "OPTIONS_INVALID");
    assert.match(message, /^The address ".*; give HOST:PORT, unix:\/path or dns:\/\/\/HOST:PORT\.$/);
    assert.not.match(message, "\n");
  }
});

test.run();
