import { type Command, CommanderError } from "commander";
import { commandTree } from "../../../src/cli/help/command-tree.ts";
import { EXAMPLES } from "../../../src/cli/help/examples.ts";
import { CONNECTION_OPTIONS } from "../../../src/cli/help/help.ts";
import { createProgram } from "../../../src/cli/program.ts";
import { assert, suite } from "../../support/suite.ts";
import { RecordingTerminal, run } from "../cli-run.ts";

/* The help of every command, found by walking the program. */
const test = suite("cli/help/help");

const tree = commandTree(createProgram(new RecordingTerminal(), () => {})).filter(({ path }) => path !== "complete");

/** What `--help` prints, with the words of the command. */
async function helpOf(path: string): Promise<string> {
  const { code, stdout, stderr } = await run([...path.split(" ").filter((word) => word !== ""), "--help"]);
  assert.equal([code, stderr], [0, ""], path);
  return stdout;
}

test("the walk finds the commands at every depth", () => {
  const paths = tree.map(({ path }) => path);
  for (const path of ["", "serve", "call", "jobs", "jobs watch", "keys rotate-server", "store repair-clock"])
    assert.ok(paths.includes(path), path);
  assert.is(new Set(paths).size, paths.length);
});

test("the help of every command begins with examples", async () => {
  for (const { path } of tree) assert.match(await helpOf(path), /^Examples:\n {2}\S.*\n(?: {2}\S.*\n)*\nUsage: /, path);
  assert.equal(Object.keys(EXAMPLES).sort(), tree.map(({ path }) => path).sort());
});

test("every command, argument and option has a text that says what it is for", () => {
  for (const { path, command } of tree) {
    if (path !== "") assert.match(command.description(), /^[a-z]\w+[ ,]/, path);
    for (const argument of command.registeredArguments) assert.match(argument.description, /^[a-z]/, path);
    for (const { flags, description } of command.options) assert.match(description, /^\w/, `${path} ${flags}`);
  }
});

test("connection options stand together behind all others", async () => {
  let seen = 0;
  for (const { path, command } of tree) {
    const connecting = command.options.some(({ long }) => long === "--tls-server-name") && !path.startsWith("upstream");
    const help = await helpOf(path);
    assert.is(help.includes(CONNECTION_OPTIONS), connecting, path);
    if (!connecting) continue;
    seen += 1;
    const [before = "", group = ""] = help.split(CONNECTION_OPTIONS);
    // `mcp` also has a certificate of its own, for its listener.
    const certificate = path === "mcp" ? ["client-cert", "client-key"] : ["tls-cert", "tls-key"];
    for (const name of ["address", "credentials", "timeout", "tls", "tls-ca", ...certificate, "insecure"]) {
      assert.match(group, `  --${name} `, path);
      assert.not.match(before, `  --${name} `, path);
    }
    // Only the list of subcommands, which one of these commands has, comes after them.
    assert.not.match(group.replace(/\nCommands:\n/, ""), /\n\S+:\n/, path);
    assert.not.match(group, "--help", path);
  }
  assert.ok(seen >= 8);
});

/** The words of a command line without redirections, quotes taken away. */
function wordsOf(line: string): string[] {
  const plain = line.replace(/^source <\((.*)\)$/, "$1").replace(/ [>|] .*$/, "");
  return [...plain.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare = ""]) => quoted ?? bare);
}

test("every example is a command line that the program takes, and is one of its command", async () => {
  for (const { path } of tree) {
    for (const line of EXAMPLES[path] ?? []) {
      const [name, ...words] = wordsOf(line);
      assert.is(name, "sealwire", line);
      let ran: string | undefined;
      const program = createProgram(new RecordingTerminal(), () => {});
      for (const each of commandTree(program)) {
        each.command.action(() => {
          ran = each.path;
        });
      }
      await program.parseAsync(words, { from: "user" }).catch((thrown: unknown) => {
        throw new Error(`${line}: ${thrown instanceof CommanderError ? thrown.message : String(thrown)}`);
      });
      assert.ok(ran !== undefined && (ran === path || isAbove(path, ran)), `${line} ran ${ran}`);
    }
  }
});

/** The examples of a command with commands below are theirs. */
function isAbove(path: string, other: string): boolean {
  const command: Command | undefined = tree.find((each) => each.path === path)?.command;
  return (command?.commands.length ?? 0) > 0 && other.startsWith(path);
}

test("help fits the screen", async () => {
  const { stdout } = await run(["serve", "--help"], { dataColumns: 70 });
  const wide = stdout.split("\n").filter((line) => line.length > 70 && !line.startsWith("  sealwire "));
  assert.equal(wide, []);
});

test.run();
