import { checkConsolePlace } from "../../src/console/options.ts";
import { SealwireError } from "../../src/errors.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("console/options");

const TLS = { certificatePath: "c.pem", privateKeyPath: "k.pem" };

function problem(place: Parameters<typeof checkConsolePlace>[0]): string {
  try {
    checkConsolePlace(place);
    return "";
  } catch (thrown) {
    return thrown instanceof SealwireError ? thrown.message : String(thrown);
  }
}

test("on loopback a console needs nothing more", () => {
  for (const listen of ["127.0.0.1:0", "localhost:9080", "[::1]:9080"])
    assert.is(problem({ listen, tls: undefined, hasPrincipals: false }), "", listen);
});

test("beyond loopback it needs TLS and a token file", () => {
  const listen = "0.0.0.0:9080";
  assert.is(problem({ listen, tls: TLS, hasPrincipals: true }), "");
  assert.match(
    problem({ listen, tls: undefined, hasPrincipals: true }),
    /needs a certificate \(--tls-cert, --tls-key\);/,
  );
  assert.match(problem({ listen, tls: TLS, hasPrincipals: false }), /needs a token file \(--console-token-file\);/);
  assert.match(problem({ listen, tls: undefined, hasPrincipals: false }), /certificate .* and a token file/);
});

test("a unix socket is no place for it", () => {
  assert.match(problem({ listen: "unix:/run/c.sock", tls: TLS, hasPrincipals: true }), /not by a unix socket/);
});

test.run();
