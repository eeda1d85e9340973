import { type Image, readImage } from "../../wire/descriptors.ts";
import type { Terminal } from "../output/terminal.ts";
import { readInput } from "./json-input.ts";

/** Reads the descriptor image of `--descriptors`, if it is set. */
export async function readDescriptors(terminal: Terminal, path: string | undefined): Promise<Image | undefined> {
  return path === undefined ? undefined : readImage(await readInput(terminal, path));
}
