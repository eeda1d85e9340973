import { fileCredentials, SealwireClient } from "sealwire";
import { GreetToolServiceDefinition } from "./gen/greet/v1/greet_tool_service.ts";

/* A client of the tools: `node client.ts`, while `npm run serve` runs. */

const credentials = await fileCredentials({ path: ".sealwire/client.json" });
const client = new SealwireClient({ credentials });
const tools = client.tools(GreetToolServiceDefinition);

const { text } = await tools.greet({ name: "Ada" });
console.log(text);

const job = await tools.greetSlowly({ name: "Ada" });
for await (const { state, progress } of job.watch()) console.log(state, progress?.completed ?? 0);
console.log((await job.result()).text);
client.close();
