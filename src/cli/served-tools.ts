import { SealwireError } from "../errors.ts";
import { systemClock } from "../runtime/clock.ts";
import { demoTools } from "../tools/demo-tools.ts";
import type { ServeSettings } from "./serve-settings.ts";
import { loadToolsModule, type ToolsModule } from "./tools-module.ts";

/** Loads all tools that the settings name. Throws OPTIONS_INVALID if there are none. */
export async function loadTools(settings: ServeSettings): Promise<ToolsModule> {
  const modules = await Promise.all(settings.tools.map(loadToolsModule));
  const tools = [...(settings.demoTools ? [demoTools(systemClock)] : []), ...modules.flatMap((module) => module.tools)];
  if (tools.length > 0) return { tools, descriptors: modules.flatMap((module) => module.descriptors) };
  throw new SealwireError(
    "OPTIONS_INVALID",
    "There are no tools to serve.\nGive --tools MODULE, --demo-tools or --dev.",
  );
}
