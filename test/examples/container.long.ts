// test-limit-ms: 300000
import { execFile } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { eventually } from "../support/eventually.ts";
import { assert, suite } from "../support/suite.ts";
import { whyNotConfined } from "./confined.ts";
import { IMAGE_USER, Image, pageCommands } from "./image.ts";

const test = suite("examples/container");

const run = promisify(execFile);
const example = join(import.meta.dirname, "..", "..", "examples", "container");

/** The last stage of the recipe: arguments by instruction, the last one of each. */
async function lastStage(): Promise<ReadonlyMap<string, string>> {
  const recipe = await readFile(join(example, "Dockerfile"), "utf8");
  const lines = recipe.replaceAll(/^#.*\n/gm, "").replaceAll("\\\n", " ");
  const stage = lines.slice(lines.lastIndexOf("\nFROM ") + 1);
  return new Map([...stage.matchAll(/^([A-Z]+) +(.*)$/gm)].map(([, name = "", args = ""]) => [name, args.trim()]));
}

/** An instruction in exec form; anything else would put a shell between. */
function execForm(stage: ReadonlyMap<string, string>, instruction: string): string[] {
  return JSON.parse((stage.get(instruction) ?? "").replace(/^.*CMD (?=\[)/, "")) as string[];
}

/** The one command on the page that starts so. */
async function pageCommand(start: string): Promise<string> {
  const [command, ...more] = (await pageCommands("container")).filter((line) => line.startsWith(start));
  assert.equal([command === undefined, more], [false, []], start);
  return command ?? "";
}

/** What the page has a container run: the words after the image or the container's name. */
async function pageArguments(start: string, name: string): Promise<string[]> {
  const command = await pageCommand(start);
  const words = command.slice(command.indexOf(` ${name} `) + name.length + 2).replace(/ > .*/, "");
  return words.split(/\s+/).map((word) => word.replaceAll("'", ""));
}

test("nobody but an unprivileged user runs the image, no shell stands before node, and data has a volume", async () => {
  const stage = await lastStage();
  assert.is(stage.get("USER"), `${IMAGE_USER}:${IMAGE_USER}`);
  assert.equal(execForm(stage, "ENTRYPOINT"), ["sealwire"]);
  assert.is(stage.get("VOLUME"), "/data");
  assert.is(stage.get("STOPSIGNAL"), "SIGTERM");
  assert.not(stage.has("ADD"));
  const command = await pageCommand("docker run --detach");
  assert.match(command, / --read-only --cap-drop ALL --security-opt no-new-privileges /);
  assert.ok(Number(/--stop-timeout (\d+)/.exec(command)?.[1]) >= 15);
});

test("what is secret or made anew stays out of the image", async () => {
  const ignored = (await readFile(join(example, "Dockerfile.dockerignore"), "utf8")).split("\n");
  for (const name of ["node_modules", "gen", ".sealwire", "key-ring.json", "client.json", "*.key", "*.db"])
    assert.ok(ignored.includes(name), name);
});

const drains = "recipe and page work for an unprivileged process 1 on a read-only root, which drains on SIGTERM";

async function liveTwice(): Promise<void> {
  await using image = await Image.build();
  const { folder } = image;
  const { stdout } = await image.run([
    "sh",
    "-c",
    "id -u; ! touch /app/x && ! touch /x && touch /data/x && rm /data/x",
  ]);
  assert.is(stdout, `${IMAGE_USER}\n`);
  const made = await image.run(["sealwire", ...(await pageArguments("docker run --rm", "checksum-tools"))]);
  assert.is(made.code, 0, made.stderr);
  await writeFile(join(folder, "reports.json"), made.stdout, { mode: 0o600 });

  const stage = await lastStage();
  const sealwire = `'${process.execPath}' app/node_modules/.bin/sealwire`;
  const call = (await pageCommand("npx sealwire call")).replace("npx sealwire", sealwire);
  for (const life of ["first", "second"]) {
    await using server = image.start(["sealwire", ...execForm(stage, "CMD")]);
    await eventually(`the ${life} server is ready`, () => server.stdout.includes("\n"));
    const health = await image.run(execForm(stage, "HEALTHCHECK"));
    assert.equal(health, { code: 0, stdout: "SERVING\n", stderr: "" });
    const { stdout: answer } = await run("sh", ["-c", call], { cwd: folder });
    assert.is(JSON.parse(answer).file.sizeBytes, "6");
    if (life === "first") {
      const backup = await image.run(["sealwire", ...(await pageArguments("docker exec", "checksums sealwire"))]);
      assert.is(backup.code, 0, backup.stderr);
      await image.mountSecret("data/key-ring.json");
    }
    server.signal("SIGTERM");
    const { code, stderr } = await server.ended;
    assert.is(code, 0, stderr);
    assert.match(stderr, /"drained"/);
  }
  const databases = (await readdir(join(folder, "data"))).filter((name) => name.endsWith(".db"));
  assert.equal(databases.sort(), ["backup.db", "sealwire.db"]);
}

const unable = whyNotConfined();
if (unable === undefined) test(drains, liveTwice);
else test.skip(drains, unable, liveTwice);

test.run();
