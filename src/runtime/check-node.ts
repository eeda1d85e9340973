import { oldNode } from "./required-node.ts";

/*
 * Each entry point imports this file first, so that a Node version that is too old is reported before anything else
 * fails.
 */
const problem = oldNode(process.versions.node);
if (problem !== undefined) throw new Error(problem);
