// test-limit-ms: 300000
import { execFile, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { commandTree } from "../../../src/cli/help/command-tree.ts";
import { type Completion, complete } from "../../../src/cli/help/completion.ts";
import { createProgram } from "../../../src/cli/program.ts";
import { QUICK_START } from "../../support/quick-start.ts";
import { assert, suite } from "../../support/suite.ts";
import { inFolder, RecordingTerminal, run } from "../cli-run.ts";

/* Real shells complete commands, options and their values by the scripts that `sealwire completion` prints. */
const test = suite("cli/help/completion");

const MAIN = join(import.meta.dirname, "../../../src/cli/main.ts");

function completionOf(...words: string[]): Completion {
  return complete(
    createProgram(new RecordingTerminal(), () => {}),
    words,
  );
}

function valuesOf(...words: string[]): string[] {
  const completion = completionOf(...words);
  if (typeof completion === "string") throw new Error(`${words.join(" ")}: ${completion}`);
  return completion.map(({ value }) => value);
}

test("commands of every depth are completed, and what help hides is not", () => {
  assert.equal(valuesOf("jo"), ["jobs"]);
  assert.equal(valuesOf("jobs", ""), ["list", "get", "watch", "cancel", "help"]);
  assert.equal(valuesOf("help", "jobs", "w"), ["watch"]);
  assert.equal(valuesOf("comp"), ["completion"]);
  const program = createProgram(new RecordingTerminal(), () => {});
  for (const { path } of commandTree(program)) {
    if (path === "" || path === "complete") continue;
    const words = path.split(" ");
    assert.ok(valuesOf(...words).includes(words.at(-1) ?? ""), path);
  }
});

test("options are completed once, unless they may be repeated, and never after --", () => {
  assert.ok(valuesOf("call", "--").includes("--detach"));
  assert.equal(valuesOf("call", "--detach", "--det"), []);
  assert.equal(valuesOf("jobs", "list", "--state", "QUEUED", "--sta"), ["--state"]);
  assert.equal(valuesOf("call", "--", "--det"), []);
  assert.ok(valuesOf("tools", "batch_sum", "").includes("--json"));
});

test("values of choices are completed, also behind = and a comma", () => {
  assert.equal(valuesOf("serve", "--log-level", "w"), ["warn"]);
  assert.equal(valuesOf("serve", "--log-level=w"), ["--log-level=warn"]);
  assert.equal(valuesOf("jobs", "list", "--state", "QUEUED,S"), ["QUEUED,SUCCEEDED"]);
  assert.equal(valuesOf("completion", ""), ["bash", "zsh", "fish"]);
});

test("an option's value is no argument, and files and folders are left to the shell", () => {
  assert.is(completionOf("call", "--credentials", ""), "files");
  assert.is(completionOf("call", "--credentials=x"), "files");
  assert.is(completionOf("serve", "--data", "x"), "folders");
  assert.is(completionOf("verify", ""), "files");
  assert.equal(valuesOf("--version", "jobs", "l"), ["list"]);
  assert.equal(valuesOf("jobs", "list", "--limit", "5", "--jso"), ["--json"]);
  assert.equal(valuesOf("call", ""), []);
});

test("a shell that there is no script for is refused with those there are", async () => {
  const { code, stderr } = await run(["completion", "tcsh"]);
  assert.is(code, 2);
  assert.match(stderr, "bash, zsh, fish");
});

type ShellBody = (folder: string, env: NodeJS.ProcessEnv) => Promise<void>;

/** A folder with `sealwire` in bin/, the script for a shell, and files to complete. */
async function withShell(shell: string, body: ShellBody): Promise<void> {
  await inFolder(async (folder) => {
    mkdirSync(join(folder, "bin"));
    const program = `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`;
    writeFileSync(join(folder, "bin", "sealwire"), program);
    chmodSync(join(folder, "bin", "sealwire"), 0o755);
    writeFileSync(join(folder, "my keys.json"), "{}");
    writeFileSync(join(folder, shell), (await run(["completion", shell])).stdout);
    await body(folder, {
      PATH: `${join(folder, "bin")}:${process.env.PATH}`,
      HOME: folder,
      TERM: "xterm",
      ...QUICK_START,
    });
  });
}

/** Lines to complete, and one of the words that each leads to, as it comes out of every shell. */
const LINES: readonly (readonly [line: string, word: string])[] = [
  ["sealwire jobs wat", "watch"],
  ["sealwire jobs list --stat", "--state"],
  ["sealwire serve --log-level w", "warn"],
  ["sealwire call t --address 127.0.0.1:50051 --deta", "--detach"],
];

function shellTest(shell: string, name: string, body: ShellBody): void {
  if (spawnSync(shell, ["-c", "exit"]).status === 0) test(name, () => withShell(shell, body));
  else test.skip(name, `${shell} is not installed`);
}

/** What bash's function answers where TAB is pressed at the end of a line. */
const ASK_BASH = `
source ./bash
COMP_LINE=$1 COMP_POINT=\${#1} COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
_sealwire sealwire
printf '%s\\n' "\${COMPREPLY[@]}"
`;

shellTest("bash", "bash completes, with = as the end of a word and file names with spaces", async (cwd, env) => {
  const ask = async (line: string) =>
    (await promisify(execFile)("bash", ["-c", ASK_BASH, "bash", line], { cwd, env })).stdout.trimEnd().split("\n");
  for (const [line, word] of LINES) assert.equal(await ask(line), [word], line);
  assert.equal(await ask("sealwire serve --log-level=w"), ["warn"]);
  assert.equal(await ask("sealwire call t --credentials my"), ["my keys.json"]);
  assert.equal(await ask("sealwire call t --credentials=my"), ["my keys.json"]);
  assert.equal(await ask("sealwire serve --data b"), ["bin"]);
  assert.equal(await ask("sealwire jobs "), ["list", "get", "watch", "cancel", "help"]);
});

shellTest("fish", "fish completes, with what each word does", async (cwd, env) => {
  const ask = async (line: string) =>
    (
      await promisify(execFile)("fish", ["-c", 'source ./fish; complete -C "$argv[1]"', line], { cwd, env })
    ).stdout.trimEnd();
  for (const [line, word] of LINES) assert.match(await ask(line), new RegExp(`^${word}\\t\\w`, "m"), line);
  assert.match(await ask("sealwire serve --log-level=w"), /^--log-level=warn\t/m);
  assert.match(await ask("sealwire call t --credentials my"), /^my\\? keys\.json/m);
});

/** What a zsh does at its start; Ctrl-X p prints the command line as it stands. */
const ZSH_SETUP = `
PS1=
setopt no_beep
autoload -Uz compinit
compinit -u -d ./dump
source ./zsh
show() { print -r -- "LINE=[$BUFFER]"; BUFFER=; zle accept-line }
zle -N show
bindkey '^Xp' show
echo READY
`;

/** Sends a zsh in a terminal of its own a line, TAB and Ctrl-X p. */
const ASK_ZSH = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'source ./setup'
zpty -r shell output '*READY*'
zpty -w -n shell "$1"$'\\t\\C-xp'
zpty -r shell output '*LINE=\\[*\\]*'
print -r -- "$output"
`;

shellTest("zsh", "zsh completes", async (cwd, env) => {
  writeFileSync(join(cwd, "setup"), ZSH_SETUP);
  const ask = async (line: string) => {
    const { stdout } = await promisify(execFile)("zsh", ["-f", "-c", ASK_ZSH, "zsh", line], { cwd, env });
    return /LINE=\[(.*?)\]/.exec(stdout)?.[1]?.trimEnd();
  };
  for (const [line, word] of LINES) assert.is(await ask(line), line.replace(/\S+$/, word), line);
  assert.is(await ask("sealwire serve --log-level=w"), "sealwire serve --log-level=warn");
  assert.is(await ask("sealwire call t --credentials my"), "sealwire call t --credentials my\\ keys.json");
});

test.run();
