import { execFileSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DescMessage } from "@bufbuild/protobuf";
import { builtinImage } from "../../src/wire/descriptors.ts";
import { assert, suite } from "../support/suite.ts";
import { ROOT } from "./source-files.ts";

const test = suite("architecture/contract");

function* messagesOf(messages: readonly DescMessage[]): Iterable<DescMessage> {
  for (const message of messages) {
    yield message;
    yield* messagesOf(message.nestedMessages);
  }
}

test("fields of every generated message are declared in ascending order, since ts-proto encodes in that order", () => {
  const unordered: string[] = [];
  let seen = 0;
  for (const file of builtinImage().registry.files) {
    if (["buf/validate/validate.proto", "google/protobuf/descriptor.proto"].includes(file.proto.name)) continue;
    for (const message of messagesOf(file.messages)) {
      seen += 1;
      const numbers = message.proto.field.map(({ number }) => number);
      if (numbers.some((number, index) => index > 0 && number <= (numbers[index - 1] ?? 0))) {
        unordered.push(message.typeName);
      }
    }
  }
  assert.ok(seen > 40, "the image was not read");
  assert.equal(unordered, []);
});

test("every file of Sealwire names the packages of Go and Java that hold its generated code", () => {
  const own = [...builtinImage().registry.files].filter(({ proto }) => proto.package.startsWith("sealwire."));
  assert.is(own.length, 36);
  for (const { proto } of own) {
    const path = proto.package.replaceAll(".", "/");
    const [, last = "", version = ""] = /([a-z]+)\.(v\d+)$/.exec(proto.package) ?? [];
    assert.is(proto.options?.goPackage, `sealwire.dev/sealwire/gen/${path};${last}${version}`, proto.name);
    assert.is(proto.options?.javaPackage, `dev.${proto.package}`, proto.name);
    assert.is(proto.options?.javaMultipleFiles, true, proto.name);
  }
});

test("gen/ is exactly what npm run generate writes", () => {
  const folder = mkdtempSync(join(tmpdir(), "sealwire-drift-"));
  try {
    execFileSync(process.execPath, [join(ROOT, "src/codegen/generate.ts"), "--out", folder], { cwd: ROOT });
    const listing = (root: string) => globSync("gen/**/*.*", { cwd: root }).sort();
    assert.equal(listing(ROOT), listing(folder));
    const drifted = listing(folder).filter(
      (file) => !readFileSync(join(ROOT, file)).equals(readFileSync(join(folder, file))),
    );
    assert.equal(drifted, [], "run npm run generate and commit gen/");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
