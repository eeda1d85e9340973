import { chmod, copyFile, rm } from "node:fs/promises";
import { assert, type Suite } from "../support/suite.ts";
import type { ClientSession } from "./client-suite.ts";

/** Adds a test that the example refuses credentials which others than their owner can read. */
export function testOpenCredentials(test: Suite, session: () => ClientSession): void {
  test("credentials that others can read are refused", async () => {
    const { credentials, example } = session();
    const path = `${credentials}.open`;
    await copyFile(credentials, path);
    try {
      await chmod(path, 0o640);
      const { code, stdout, stderr } = await example(path);
      assert.is.not(code, 0);
      assert.is(stdout, "");
      assert.match(stderr, "chmod 600");
    } finally {
      await rm(path);
    }
  });
}
