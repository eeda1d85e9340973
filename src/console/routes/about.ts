import type { AboutAnswer } from "../answers.ts";
import type { Route } from "../route.ts";
import type { ConsoleSource } from "../source.ts";

/** The route of the page About. */
export function aboutRoutes({ facts, serverId, toolset }: ConsoleSource): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/api/about",
      role: "viewer",
      intervalMs: 5_000,
      answer(): AboutAnswer {
        const { catalogue } = toolset();
        const own = [...catalogue.tools()].filter(({ name }) => !catalogue.isSystemTool(name));
        return { ...facts, serverId: serverId(), tools: own.length };
      },
    },
  ];
}
