import { execFile } from "node:child_process";
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { codeBlocks } from "../docs/code-blocks.ts";
import { Confined } from "./confined.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
const bin = join(root, "node_modules", ".bin");

/** The user that containers run as. */
export const IMAGE_USER = 65_532;

/** The commands in an example's README.md, one line each. */
export async function pageCommands(example: string): Promise<string[]> {
  const page = await readFile(join(root, "examples", example, "README.md"), "utf8");
  return codeBlocks(page).flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, "").split("\n"));
}

/** The image of the example's recipe, built and run without a container engine, and what is mounted into it. */
export class Image implements AsyncDisposable {
  /** Has `data`, `tls`, `files` and `secrets`, seen inside at the root. */
  readonly folder: string;
  /** Stands for 50051 in whatever runs, since the network is not confined. */
  readonly port: number;

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
  }

  /** Builds it, with a certificate and a file to hash. */
  static async build(): Promise<Image> {
    const image = new Image(await mkdtemp(join(tmpdir(), "sealwire-container-")), await freePort());
    const { folder } = image;
    await chmod(folder, 0o755);
    for (const name of ["root", "data", "tls", "files", "secrets"]) await mkdir(join(folder, name));
    await chown(join(folder, "data"), IMAGE_USER, IMAGE_USER);
    await writeFile(join(folder, "files", "notes.txt"), "alpha\n");
    const openssl = (await pageCommands("container")).find((line) => line.startsWith("openssl ")) ?? "";
    await run("sh", ["-c", `${openssl} && cp tls/tls.crt tls/ca.crt`], { cwd: folder });
    await image.mountSecret("tls/tls.key");
    await buildApp(join(folder, "app"));
    return image;
  }

  /** Makes a file what a mounted secret is: root's, and readable for the group. */
  async mountSecret(name: string): Promise<void> {
    await chown(join(this.folder, name), 0, IMAGE_USER);
    await chmod(join(this.folder, name), 0o440);
  }

  /** Starts a container with this command; `env` is what it is given beside the image's own. */
  start(command: readonly string[], env: Readonly<Record<string, string>> = {}): Confined {
    const volume = (name: string) => [`/${name}`, join(this.folder, name)];
    const confinement = {
      root: join(this.folder, "root"),
      volumes: Object.fromEntries(["app", "data", "tls", "files", "secrets"].map(volume)),
      cwd: "/app",
      env: { CHECKSUM_ROOT: "/files", ...env },
      commands: { node: process.execPath, sealwire: "/app/node_modules/.bin/sealwire" },
    };
    return new Confined(confinement, ...command.map((word) => word.replace(/:50051$/, `:${this.port}`)));
  }

  /** Runs a container to its end. */
  async run(command: readonly string[], env: Readonly<Record<string, string>> = {}) {
    await using container = this.start(command, env);
    return await container.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The example's project with the packed package and its dependencies, as the build stage leaves it. */
async function buildApp(app: string): Promise<void> {
  const filter = (path: string): boolean => !/\/(node_modules|gen)$/.test(path);
  await cp(join(root, "examples", "tools"), app, { recursive: true, filter });
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
  await run(join(bin, "buf"), ["generate"], { cwd: app });
  const image = ["--path", "proto/checksum", "--as-file-descriptor-set", "--output", "gen/descriptors.binpb"];
  await run(join(bin, "buf"), ["build", ...image], { cwd: app });
}

async function freePort(): Promise<number> {
  const socket = createServer();
  await new Promise<void>((resolve) => socket.listen(0, "127.0.0.1", resolve));
  const address = socket.address();
  await new Promise((resolve) => socket.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
