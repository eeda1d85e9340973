import { type Image, readImage } from "../wire/descriptors.ts";
import { readInput } from "./json-input.ts";
import type { Terminal } from "./terminal.ts";

/** Reads the descriptor image that `--descriptors` names, if any. */
export async function readDescriptors(terminal: Terminal, path: string | undefined): Promise<Image | undefined> {
  return path === undefined ? undefined : readImage(await readInput(terminal, path));
}
