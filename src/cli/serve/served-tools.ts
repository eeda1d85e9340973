import { SealwireError } from "../../errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { demoTools } from "../../tools/demo-tools.ts";
import type { ToolImplementation } from "../../tools/implement.ts";
import type { ServeSettings } from "../input/settings.ts";
import { type WaitOptions, waitForModules } from "./module-wait.ts";
import { loadToolsModule, type ToolsModule } from "./tools-module.ts";

/** Checks that the settings name at least one tool. Throws OPTIONS_INVALID. */
export function checkToolsNamed({ tools, upstreams, mcpServers, demoTools }: ServeSettings): void {
  if (tools.length === 0 && upstreams.length === 0 && mcpServers.length === 0 && !demoTools) throw noTools();
}

/**
 * Loads all tools in the settings. Throws OPTIONS_INVALID if there are none, or if a module does not finish loading.
 */
export async function loadTools(settings: ServeSettings, options: WaitOptions): Promise<ToolsModule> {
  const pending = new Set(settings.tools);
  const loading = settings.tools.map(async (path) => {
    const module = await loadToolsModule(path);
    pending.delete(path);
    return module;
  });
  const modules = await waitForModules(Promise.all(loading), pending, options);
  const demo = settings.demoTools ? demoTools(systemClock) : undefined;
  if (demo !== undefined) refuseSecondDemo(demo, settings, modules);
  const tools = [...(demo === undefined ? [] : [demo]), ...modules.flatMap((module) => module.tools)];
  const { upstreams, mcpServers } = settings;
  if (tools.length === 0 && upstreams.length === 0 && mcpServers.length === 0) throw noTools();
  return { tools, descriptors: modules.flatMap((module) => module.descriptors) };
}

function refuseSecondDemo(
  demo: ToolImplementation,
  { tools: paths }: ServeSettings,
  modules: readonly ToolsModule[],
): void {
  const { fullName } = demo.definition;
  const index = modules.findIndex(({ tools }) => tools.some(({ definition }) => definition.fullName === fullName));
  if (index < 0) return;
  throw new SealwireError(
    "OPTIONS_INVALID",
    `${paths[index]} implements ${fullName}, which --dev or --demo-tools serves, too.\nGive --no-demo-tools to serve your own.`,
  );
}

function noTools(): SealwireError {
  return new SealwireError(
    "OPTIONS_INVALID",
    "There are no tools to serve.\nGive --tools MODULE, --upstream NAME=ADDRESS, --mcp-server NAME=COMMAND, --demo-tools or --dev.",
  );
}
