// test-limit-ms: 600000
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { clientSuite } from "./client-suite.ts";

/* The client of examples/rust. */

const ROOT = join(import.meta.dirname, "..", "..");
const run = promisify(execFile);

const { test } = clientSuite({
  language: "rust",
  programs: ["cargo"],
  async build(folder) {
    const build = async (crate: string) => {
      const manifest = ["--manifest-path", join(ROOT, crate, "Cargo.toml")];
      await run("cargo", ["build", "--locked", "--quiet", "--target-dir", folder, ...manifest]);
    };
    await build("examples/rust");
    await build("test/interop/rust");
    return {
      checker: [join(folder, "debug", "sealwire-checker")],
      example: [join(folder, "debug", "sealwire-example")],
    };
  },
});

test.run();
