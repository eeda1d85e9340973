import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { assert, suite } from "../support/suite.ts";

const test = suite("codegen/sbom");

const ROOT = join(import.meta.dirname, "..", "..");

interface Locked {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly object[];
}

interface BillOfMaterials {
  readonly bomFormat: string;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
}

let text = "";
let bill: BillOfMaterials;

test.before(async () => {
  const folder = await mkdtemp(join(tmpdir(), "sealwire-sbom-"));
  try {
    const file = join(folder, "sbom.cdx.json");
    await promisify(execFile)(process.execPath, [join(ROOT, "src", "codegen", "sbom.ts"), file]);
    text = await readFile(file, "utf8");
  } finally {
    await rm(folder, { recursive: true });
  }
  bill = JSON.parse(text);
});

/** What is installed with the package, by name and version: found from its dependencies, as Node finds them. */
async function installed(): Promise<readonly string[]> {
  const { packages } = JSON.parse(await readFile(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Readonly<Record<string, Locked>>;
  };
  const found = new Map<string, string>();
  const visit = (path: string): void => {
    const { dependencies, optionalDependencies } = packages[path] ?? { version: "" };
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      let from = path;
      while (from !== "" && packages[`${from}/node_modules/${name}`] === undefined) {
        from = from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/")));
      }
      const at = from === "" ? `node_modules/${name}` : `${from}/node_modules/${name}`;
      const locked = packages[at];
      if (locked === undefined) throw new Error(`${name}, which ${path} needs, is not in package-lock.json`);
      if (found.has(at)) continue;
      found.set(at, `${name}@${locked.version}`);
      visit(at);
    }
  };
  visit("");
  return [...new Set(found.values())].sort();
}

test("the bill of materials names everything that is installed with the package, and nothing else", async () => {
  const expected = await installed();
  assert.ok(expected.some((each) => each.startsWith("@grpc/grpc-js@")));
  const named = bill.components.map(({ name, version }) => `${name}@${version}`).sort();
  assert.equal(named, expected);
});

test("it is of the package, in CycloneDX, and each component has a package URL and a license", async () => {
  const { name, version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  assert.is(bill.bomFormat, "CycloneDX");
  assert.equal([bill.metadata.component.name, bill.metadata.component.version], [name, version]);
  for (const { purl, licenses = [] } of bill.components) {
    assert.match(purl, /^pkg:npm\//);
    assert.ok(licenses.length > 0, purl);
  }
});

test("it holds no path of the machine that wrote it", () => {
  assert.not.match(text, ROOT);
  assert.not.match(text, tmpdir());
});

test.run();
