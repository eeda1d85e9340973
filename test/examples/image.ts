import { execFile } from "node:child_process";
import { chmod, chown, cp, glob, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { codeBlocks } from "../docs/code-blocks.ts";
import { freePort } from "../support/free-port.ts";
import { packPackage } from "../support/packed-package.ts";
import { Confined } from "./confined.ts";
import { readIgnoreRules } from "./ignore-rules.ts";
import { allOf, recipeStages } from "./recipe.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");

/** The user that containers run as. */
export const IMAGE_USER = 65_532;

/** The pods that can run beside each other: each has a folder of its own, seen at `/run/sealwire`. */
const PODS = ["server", "worker"] as const;

/** How a container is started. */
export interface ContainerOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly pod?: (typeof PODS)[number];
}

/** The commands in an example's README.md, one line each. */
export async function pageCommands(example: string): Promise<string[]> {
  const page = await readFile(join(root, "examples", example, "README.md"), "utf8");
  return codeBlocks(page).flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, "").split("\n"));
}

/** The image of the example's recipe, built and run without a container engine, and what is mounted into it. */
export class Image implements AsyncDisposable {
  /**
   * Has the project in `project`, what the page puts beside it in `checksums`, and `data`, `files` and `secrets`, which
   * are mounted.
   */
  readonly folder: string;
  /** Stands for 50051 in whatever runs, since the network is not confined. */
  readonly port: number;

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
  }

  /** Builds it, with a certificate and a file to hash. `packages` are installed beside the project's own. */
  static async build({ packages = [] }: { readonly packages?: readonly string[] } = {}): Promise<Image> {
    const image = new Image(await mkdtemp(join(tmpdir(), "sealwire-container-")), await freePort());
    const { folder } = image;
    await chmod(folder, 0o755);
    for (const name of ["root", "data", "files", "secrets", "project"]) await mkdir(join(folder, name));
    await chown(join(folder, "data"), IMAGE_USER, IMAGE_USER);
    for (const pod of PODS) {
      await mkdir(join(folder, pod));
      await chown(join(folder, pod), IMAGE_USER, IMAGE_USER);
    }
    await writeFile(join(folder, "files", "notes.txt"), "alpha\n");
    await makeProject(join(folder, "project"), packages);
    await image.makeCertificate();
    await buildStages(folder);
    return image;
  }

  /** Types what the page says to make a certificate; the groups are what `sudo` makes them. */
  private async makeCertificate(): Promise<void> {
    const commands = await pageCommands("container");
    const start = commands.indexOf("umask 077");
    const typed = commands.slice(start, commands.indexOf("", start)).join("\n").replaceAll("sudo ", "");
    await run("sh", ["-euc", typed], { cwd: join(this.folder, "project") });
  }

  /** Makes a file what a mounted secret is: root's, and readable for the group. */
  async mountSecret(name: string): Promise<void> {
    await chown(join(this.folder, name), 0, IMAGE_USER);
    await chmod(join(this.folder, name), 0o440);
  }

  /** Starts a container of a pod with this command; `env` is what it is given beside the image's own. */
  start(command: readonly string[], { env = {}, pod = "server" }: ContainerOptions = {}): Confined {
    const mounted = {
      "/app": "app",
      "/data": "data",
      "/tls": "checksums/tls",
      "/files": "files",
      "/secrets": "secrets",
      "/run/sealwire": pod,
    };
    const volumes = Object.entries(mounted).map(([place, name]) => [place, join(this.folder, name)]);
    const confinement = {
      root: join(this.folder, "root"),
      volumes: Object.fromEntries(volumes),
      writable: ["/data", "/run/sealwire"],
      cwd: "/app",
      env: { CHECKSUM_ROOT: "/files", ...env },
      commands: { node: process.execPath, sealwire: "/app/node_modules/.bin/sealwire" },
    };
    return new Confined(
      confinement,
      ...command.map((word) => word.replace(/:50051$/, `:${this.port}`).replace(/:9464$/, ":0")),
    );
  }

  /** Runs a container to its end. */
  async run(command: readonly string[], options: ContainerOptions = {}) {
    await using container = this.start(command, options);
    return await container.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A copy of the example's project as the page makes it, with a key ring and other secrets that must stay there. */
async function makeProject(project: string, packages: readonly string[]): Promise<void> {
  const filter = (path: string): boolean => !/\/(node_modules|gen|\.sealwire)$/.test(path);
  await cp(join(root, "examples", "tools"), project, { recursive: true, filter });
  for (const name of ["Dockerfile", "Dockerfile.dockerignore"])
    await cp(join(root, "examples", "container", name), join(project, name));
  await mkdir(join(project, ".sealwire"));
  for (const name of [".sealwire/key-ring.json", ".sealwire/client.json", "reports.json", "server-secret", ".env"])
    await writeFile(join(project, name), "secret");
  const { path } = await packPackage(project);
  const installed = [`./${basename(path)}`, ...packages].join(" ");
  await inShell(project, `npm install --no-audit --no-fund --ignore-scripts ${installed}`);
}

/** Does what the recipe says with the files that its ignore rules let in: `app` holds what the final stage has there. */
async function buildStages(folder: string): Promise<void> {
  const project = join(folder, "project");
  const [, build = [], final = []] = recipeStages();
  const { letsIn } = readIgnoreRules(await readFile(join(project, "Dockerfile.dockerignore"), "utf8"));
  const stage = join(folder, "build");
  for await (const path of glob("**/*", { cwd: project, exclude: (name) => name === "node_modules" })) {
    const isFile = (await stat(join(project, path))).isFile();
    if (isFile && letsIn(path)) await cp(join(project, path), join(stage, path), { recursive: true });
  }
  for (const command of allOf(build, "RUN")) await inShell(stage, command);
  const app = join(folder, "app");
  await mkdir(app);
  for (const copied of allOf(final, "COPY")) {
    const [, source = "", target = ""] = /^--from=build \/app\/(\S+) (\S+)$/.exec(copied) ?? [];
    for await (const path of glob(source, { cwd: stage })) {
      const goal = target.endsWith("/") ? join(app, path) : join(app, target);
      await cp(join(stage, path), goal, { recursive: true, verbatimSymlinks: true });
    }
  }
  await rm(stage, { recursive: true });
}

/** Runs a command with this Node first, and nothing of the npm that runs this test. */
async function inShell(cwd: string, command: string): Promise<void> {
  const paths = (process.env.PATH ?? "").split(delimiter).filter((path) => !path.includes("node_modules"));
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: [dirname(process.execPath), ...paths].join(delimiter) };
  for (const name of Object.keys(env))
    if (/^npm_/i.test(name) && !/^npm_config_(?:registry|cache)$/i.test(name)) delete env[name];
  await run("sh", ["-euc", command], { cwd, env: { ...env, npm_config_prefer_offline: "true" } });
}
