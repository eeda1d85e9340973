import { SealwireError } from "../../src/errors.ts";
import { checkToolName, toToolName } from "../../src/tools/tool-name.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("tools/tool-name");

const NAMES = {
  BatchSum: "batch_sum",
  StartLongTask: "start_long_task",
  Echo: "echo",
  GetURLInfo: "get_url_info",
  HTTPGet: "http_get",
  MD5Sum: "md5_sum",
  ListV2Items: "list_v2_items",
};

for (const [method, tool] of Object.entries(NAMES)) {
  test(`the method ${method} is the tool ${tool}`, () => {
    assert.is(toToolName(method), tool);
  });
}

test("a name that cannot stand in an envelope is refused", () => {
  for (const name of ["", "Sum", "1st", "a-b", "a".repeat(129)]) {
    assert.throws(
      () => checkToolName(name, "pkg.Service.Method"),
      (error: unknown) => error instanceof SealwireError && error.reason === "OPTIONS_INVALID",
    );
  }
  checkToolName("a".repeat(128), "pkg.Service.Method");
});

test.run();
