// test-limit-ms: 300000
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { type JsonObject, sampleLines, toOcsf } from "../audit/ocsf.ts";
import { assert } from "../support/suite.ts";
import { paste } from "./shell.ts";
import { suiteWith } from "./toolchain.ts";

/* Lines of the audit log, mapped as docs/audit.md says, beside the schema of OCSF that a Python package has. */
const test = suiteWith(["python3"], "interop/ocsf");

const COMMANDS = `
  set -e
  python3 -m venv .venv
  .venv/bin/pip install --quiet ocsf-json-schema==1.2.0
  .venv/bin/python3 -c '
import json
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
print(json.dumps(OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.3.0")).get_class_schema("api_activity", [])))'
`;

test("every line becomes an API Activity that the schema of OCSF 1.3.0 accepts", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sealwire-ocsf-"));
  try {
    const { code, stdout, stderr } = await paste(COMMANDS, { cwd: folder, path: [] });
    assert.is(code, 0, stderr);
    const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
    const validate = ajv.compile(JSON.parse(stdout));
    for (const line of await sampleLines()) {
      const event = JSON.parse(JSON.stringify(toOcsf(line))) as JsonObject;
      assert.ok(validate(event), `${JSON.stringify(event)}: ${JSON.stringify(validate.errors)}`);
      // The schema is one that refuses something.
      for (const name of ["src_endpoint", "actor", "metadata"]) assert.not.ok(validate({ ...event, [name]: {} }), name);
      assert.not.ok(validate({ ...event, device: { uid: "x" } }));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test.run();
