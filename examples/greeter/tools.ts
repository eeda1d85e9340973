import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { implement } from "sealwire";
import { GreetToolServiceDefinition } from "./gen/greet/v1/greet_tool_service.ts";

/* The module for `sealwire serve --tools`: the tools and the descriptors of their contract. */

export const descriptors = [readFileSync(new URL("gen/descriptors.binpb", import.meta.url))];

export const tools = [
  implement(GreetToolServiceDefinition, {
    greet: ({ name }) => ({ text: `Hello, ${name}!` }),
    async greetSlowly({ name }, { signal, progress }) {
      for (let done = 0; done < 3; done++) {
        progress(done, 3, "thinking");
        await sleep(300, undefined, { signal });
      }
      return { text: `Hello at last, ${name}!` };
    },
  }),
];
