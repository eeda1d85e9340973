import { oldNode } from "./required-node.ts";

/* Imported by the package's entry before everything else: who imports it on a Node that is too old is told so. */
const problem = oldNode(process.versions.node);
if (problem !== undefined) throw new Error(problem);
