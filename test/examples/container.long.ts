// test-limit-ms: 300000
import { execFile } from "node:child_process";
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { codeBlocks } from "../docs/code-blocks.ts";
import { eventually } from "../support/eventually.ts";
import { assert, suite } from "../support/suite.ts";
import { Confined, type Confinement, whyNotConfined } from "./confined.ts";

const test = suite("examples/container");

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
const example = join(root, "examples", "container");
const bin = join(root, "node_modules", ".bin");
const NOBODY = 65_532;

/** The last stage of the recipe: arguments by instruction, the last one of each. */
async function lastStage(): Promise<ReadonlyMap<string, string>> {
  const recipe = (await readFile(join(example, "Dockerfile"), "utf8"))
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll("\\\n", " ");
  const stage = recipe.slice(recipe.lastIndexOf("\nFROM ") + 1);
  return new Map([...stage.matchAll(/^([A-Z]+) +(.*)$/gm)].map(([, name = "", args = ""]) => [name, args.trim()]));
}

/** An instruction in exec form; anything else would put a shell between. */
function execForm(stage: ReadonlyMap<string, string>, instruction: string): string[] {
  return JSON.parse((stage.get(instruction) ?? "").replace(/^.*CMD (?=\[)/, "")) as string[];
}

/** The commands on the page, one line each. */
async function pageCommands(): Promise<string[]> {
  const page = await readFile(join(example, "README.md"), "utf8");
  return codeBlocks(page).flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, "").split("\n"));
}

/** What the page has a container run, by the words after the image or the container's name. */
async function pageArguments(start: string, name: string): Promise<string[]> {
  const command = (await pageCommands()).find((line) => line.startsWith(start)) ?? "";
  const words = command.slice(command.indexOf(` ${name} `) + name.length + 2).replace(/ > .*/, "");
  return words.split(/\s+/).map((word) => word.replaceAll("'", ""));
}

/** The example's project with the packed package and its dependencies, as the build stage leaves it. */
async function build(app: string): Promise<void> {
  await cp(join(root, "examples", "tools"), app, {
    recursive: true,
    filter: (path) => !/\/(node_modules|gen)$/.test(path),
  });
  const packed = join(app, "..", "packed");
  await mkdir(packed);
  await run("npm", ["pack", "--pack-destination", packed], { cwd: root });
  const modules = join(app, "node_modules");
  await mkdir(join(modules, ".bin"), { recursive: true });
  const { stdout } = await run("npm", ["ls", "--omit=dev", "--all", "--parseable"], { cwd: root });
  for (const path of new Set(stdout.trim().split("\n").slice(1)))
    await cp(path, join(app, relative(root, path)), { recursive: true });
  await run("tar", ["-xzf", join(packed, (await readdir(packed))[0] ?? ""), "-C", packed]);
  await cp(join(packed, "package"), join(modules, "sealwire"), { recursive: true });
  await symlink("../sealwire/dist/src/cli/main.js", join(modules, ".bin", "sealwire"));
  await symlink(join(bin, "protoc-gen-ts_proto"), join(modules, ".bin", "protoc-gen-ts_proto"));
  for (const args of [
    ["generate"],
    ["build", "--path", "proto/checksum", "--as-file-descriptor-set", "--output", "gen/descriptors.binpb"],
  ])
    await run(join(bin, "buf"), args, { cwd: app });
}

async function freePort(): Promise<number> {
  const socket = createServer();
  await new Promise<void>((resolve) => socket.listen(0, "127.0.0.1", resolve));
  const address = socket.address();
  await new Promise((resolve) => socket.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("nobody but an unprivileged user runs the image, no shell stands before node, and data has a volume", async () => {
  const stage = await lastStage();
  assert.is(stage.get("USER"), `${NOBODY}:${NOBODY}`);
  assert.equal(execForm(stage, "ENTRYPOINT"), ["sealwire"]);
  assert.is(stage.get("VOLUME"), "/data");
  assert.is(stage.get("STOPSIGNAL"), "SIGTERM");
  assert.not(stage.has("ADD"));
  const command = (await pageCommands()).find((line) => line.startsWith("docker run --detach")) ?? "";
  assert.match(command, / --read-only --cap-drop ALL --security-opt no-new-privileges /);
  assert.ok(Number(/--stop-timeout (\d+)/.exec(command)?.[1]) >= 15);
});

test("what is secret or made anew stays out of the image", async () => {
  const ignored = (await readFile(join(example, "Dockerfile.dockerignore"), "utf8")).split("\n");
  for (const name of ["node_modules", "gen", ".sealwire", "key-ring.json", "client.json", "*.key", "*.db"])
    assert.ok(ignored.includes(name), name);
});

const unable = whyNotConfined();
const confined =
  unable === undefined ? test : (name: string, body: () => unknown): void => test.skip(name, unable, body);

confined(
  "the commands of recipe and page work for an unprivileged process 1 on a read-only root, which drains on SIGTERM",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "sealwire-container-"));
    try {
      const at = (name: string) => join(folder, name);
      for (const name of ["root", "data", "tls", "files"]) await mkdir(at(name));
      await chown(at("data"), NOBODY, NOBODY);
      await chmod(folder, 0o755);
      await writeFile(join(at("files"), "notes.txt"), "alpha\n");
      await build(at("app"));
      const openssl = (await pageCommands()).find((line) => line.startsWith("openssl ")) ?? "";
      await run("sh", ["-c", `${openssl} && cp tls/tls.crt tls/ca.crt`], { cwd: folder });
      await chown(join(at("tls"), "tls.key"), 0, NOBODY);
      await chmod(join(at("tls"), "tls.key"), 0o640);

      const port = await freePort();
      const ported = (words: readonly string[]) => words.map((word) => word.replace(/:50051$/, `:${port}`));
      const confinement: Confinement = {
        root: at("root"),
        volumes: { "/app": at("app"), "/data": at("data"), "/tls": at("tls"), "/files": at("files") },
        cwd: "/app",
        env: { CHECKSUM_ROOT: "/files" },
        commands: { node: process.execPath, sealwire: "/app/node_modules/.bin/sealwire" },
      };
      const inside = async (...command: readonly string[]) => {
        await using process = new Confined(confinement, ...ported(command));
        return await process.ended;
      };

      assert.is(
        (await inside("sh", "-c", "id -u && ! touch /app/x && ! touch /x && touch /data/x && rm /data/x")).stdout,
        `${NOBODY}\n`,
      );
      const made = await inside("sealwire", ...(await pageArguments("docker run --rm", "checksum-tools")));
      assert.is(made.code, 0, made.stderr);
      await writeFile(at("reports.json"), made.stdout, { mode: 0o600 });

      const stage = await lastStage();
      const serve = ported(["sealwire", ...execForm(stage, "CMD")]);
      const health = execForm(stage, "HEALTHCHECK");
      for (const life of ["the first", "the second"]) {
        await using server = new Confined(confinement, ...serve);
        await eventually(`${life} server is ready`, () => server.stdout.includes("\n"));
        assert.equal(await inside(...health), { code: 0, stdout: "SERVING\n", stderr: "" });
        const call = (await pageCommands()).find((line) => line.startsWith("npx sealwire call")) ?? "";
        const { stdout } = await run(
          "sh",
          ["-c", call.replace("npx sealwire", `'${process.execPath}' app/node_modules/.bin/sealwire`)],
          { cwd: folder },
        );
        assert.is(JSON.parse(stdout).file.sizeBytes, "6");
        if (life === "the first") {
          const backup = await inside("sealwire", ...(await pageArguments("docker exec", "checksums sealwire")));
          assert.is(backup.code, 0, backup.stderr);
          // As a mounted secret: root's, and readable for the server's group.
          await chown(join(at("data"), "key-ring.json"), 0, NOBODY);
          await chmod(join(at("data"), "key-ring.json"), 0o440);
        }
        server.signal("SIGTERM");
        const { code, stderr } = await server.ended;
        assert.is(code, 0, stderr);
        assert.match(stderr, /"drained"/);
      }
      assert.equal((await readdir(at("data"))).filter((name) => name.endsWith(".db")).sort(), [
        "backup.db",
        "sealwire.db",
      ]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);

test.run();
