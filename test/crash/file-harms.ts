import { randomBytes } from "node:crypto";
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { SERVED_WITHIN_MS } from "./fate.ts";
import type { Dice } from "./seeded-random.ts";
import type { StrikeContext } from "./store-strikes.ts";

const HEADER_BYTES = 100;
const COPIED = ["", "-wal"];

/** A server reads a damaged page only when it needs it, so this is done while none runs. */
const DAMAGED = "the store damaged";

/** Ways to harm the files of a store, so that its content is lost in whole or in part. */
const HARMS: Readonly<Record<string, (path: string) => unknown>> = {
  "the store deleted": remove,
  "all files of the store deleted": removeAll,
  "the log of the store deleted": (path) => remove(`${path}-wal`),
  "the store cut to nothing": (path) => existsSync(path) && truncateSync(path, 0),
  "the store replaced by an empty file": (path) => {
    closeSync(openSync(`${path}-new`, "w", 0o600));
    renameSync(`${path}-new`, path);
  },
  [DAMAGED]: (path) => existsSync(path) && writeFileSync(path, randomBytes(HEADER_BYTES), { flag: "r+" }),
  "the store put back from an earlier copy": (path) => {
    removeAll(path);
    for (const suffix of COPIED)
      if (existsSync(copyOf(path + suffix))) copyFileSync(copyOf(path + suffix), path + suffix);
  },
};

/** Time within which a server detects that its store is lost, in milliseconds. */
const NOTICED_WITHIN_MS = 5_000;

/** How long old frames are replayed to the server of the new store, in milliseconds. */
const REPLAYING_MS = 2_000;

/** Damages the files of a store between two servers, or while its server runs, which must detect it. */
export async function harmFiles(path: string, dice: Dice, context: StrikeContext): Promise<void> {
  const how = dice.pick(Object.keys(HARMS));
  const harm = () => {
    context.lost(how);
    HARMS[how]?.(path);
  };
  await context.witness.sendFresh();
  if (dice.chance(0.5) || how === DAMAGED) {
    context.count(`${how}, stopped`);
    await context.betweenLives(() => {
      copyOnce(path);
      harm();
    });
  } else {
    // A server that is killed, or still refuses because its store is new, does not show whether it noticed.
    await context.betweenLives(() => copyOnce(path), "unharmed");
    await context.witness.servedAgain(SERVED_WITHIN_MS);
    context.count(`${how}, running`);
    const [pid] = context.pids();
    harm();
    await context.witness.refusedWithin(NOTICED_WITHIN_MS, () => !context.pids().includes(pid ?? 0));
    await context.betweenLives(() => {});
  }
  await context.witness.sendLatestAgain(REPLAYING_MS);
}

/** Copies a store that no server uses, if there is no copy yet. */
function copyOnce(path: string): void {
  if (existsSync(copyOf(path))) return;
  for (const suffix of COPIED) if (existsSync(path + suffix)) copyFileSync(path + suffix, copyOf(path + suffix));
}

function copyOf(path: string): string {
  return `${path}.copy`;
}

/** Deletes a store, as an operator does to whom it is damaged and who has no backup. */
export function removeAll(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) remove(path + suffix);
}

function remove(path: string): void {
  rmSync(path, { force: true });
}
