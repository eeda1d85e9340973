// test-limit-ms: 300000
import { mkdir, writeFile } from "node:fs/promises";
import { freePort } from "../support/free-port.ts";
import { assert, suite } from "../support/suite.ts";
import { CliServer } from "./cli-process.ts";
import { inFolder, run } from "./cli-run.ts";
import { FILES, WRONG_INPUTS, type WrongInput } from "./wrong-inputs.ts";

/* What people type wrong, and what they are told: the exit code, what is wrong, what to do. */
const test = suite("cli/wrong-inputs");

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

test("every wrong input is told what is wrong, and what to do", () =>
  inFolder(async (folder) => {
    await using server = await CliServer.start(folder, "--dev");
    for (const [name, text] of Object.entries(FILES)) await writeFile(name, text, { mode: 0o600 });
    await mkdir("empty");
    const places = { ADDRESS: server.ready.listening, CLOSED: `127.0.0.1:${await freePort()}`, FOLDER: folder };
    const wrong: string[] = [];
    for (const input of WRONG_INPUTS) {
      const told = await tell(input, places);
      const expected = { exit: input.exit, says: input.says };
      if (JSON.stringify(told) !== JSON.stringify(expected))
        wrong.push(`${input.args}\n${JSON.stringify(told, null, 2)}`);
    }
    assert.equal(wrong, []);
    assert.ok(WRONG_INPUTS.length >= 80);
  }));

async function tell(
  { args, stdin }: WrongInput,
  places: Readonly<Record<string, string>>,
): Promise<Pick<WrongInput, "exit" | "says">> {
  const words = [...args.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
  const typed = words.map((word) =>
    Object.entries(places).reduce((text, [name, place]) => text.replaceAll(name, place), word),
  );
  const env = { SEALWIRE_ADDRESS: places.ADDRESS ?? "" };
  const { code, stderr } = await run(typed, { env, ...(stdin !== undefined && { stdin }) });
  const shown = Object.entries(places).reduce((text, [name, place]) => text.replaceAll(place, name), stderr);
  const lines = shown.replaceAll(UUID, "UUID").split("\n");
  const says = lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith('{"level"'));
  return { exit: code ?? -1, says };
}

test.run();
