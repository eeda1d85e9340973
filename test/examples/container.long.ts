// test-limit-ms: 600000
import { execFile } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { eventually } from "../support/eventually.ts";
import { assert, suite } from "../support/suite.ts";
import { whyNotConfined } from "./confined.ts";
import { IMAGE_USER, Image, pageCommands } from "./image.ts";
import { recipeStages } from "./recipe.ts";

const test = suite("examples/container");

const run = promisify(execFile);

/** The last stage of the recipe: arguments by instruction, the last one of each. */
function lastStage(): ReadonlyMap<string, string> {
  return new Map(
    recipeStages()
      .at(-1)
      ?.map(({ name, args }) => [name, args]),
  );
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
  const stage = lastStage();
  assert.is(stage.get("USER"), `${IMAGE_USER}:${IMAGE_USER}`);
  assert.equal(execForm(stage, "ENTRYPOINT"), ["sealwire"]);
  assert.is(stage.get("VOLUME"), "/data");
  assert.is(stage.get("STOPSIGNAL"), "SIGTERM");
  assert.not(stage.has("ADD"));
  const command = await pageCommand("docker run --detach");
  assert.match(command, / --read-only --cap-drop ALL --security-opt no-new-privileges /);
  assert.ok(Number(/--stop-timeout (\d+)/.exec(command)?.[1]) >= 15);
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
  const has = (await readdir(join(folder, "app"))).sort();
  assert.equal(has, ["file-tree.ts", "gen", "implementation.ts", "node_modules", "package.json"]);
  const made = await image.run(["sealwire", ...(await pageArguments("docker run --rm", "checksum-tools"))]);
  assert.is(made.code, 0, made.stderr);
  await writeFile(join(folder, "checksums", "reports.json"), made.stdout, { mode: 0o600 });

  const stage = lastStage();
  const sealwire = `'${process.execPath}' ../app/node_modules/.bin/sealwire`;
  const call = (await pageCommand("npx sealwire call")).replace("npx sealwire", sealwire);
  for (const life of ["first", "second"]) {
    await using server = image.start(["sealwire", ...execForm(stage, "CMD")]);
    await eventually(`the ${life} server is ready`, () => server.stdout.includes("\n"));
    assert.is((await image.run(execForm(stage, "HEALTHCHECK"))).code, 0);
    const { stdout: answer } = await run("sh", ["-c", call], { cwd: join(folder, "project") });
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
    assert.is((await image.run(execForm(stage, "HEALTHCHECK"))).code, 1);
  }
  const databases = (await readdir(join(folder, "data"))).filter((name) => name.endsWith(".db"));
  assert.equal(databases.sort(), ["backup.db", "sealwire.db"]);
}

const unable = whyNotConfined();
if (unable === undefined) test(drains, liveTwice);
else test.skip(drains, unable, liveTwice);

test.run();
