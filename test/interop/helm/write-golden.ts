/* Renders the chart with each of its values and writes what is expected from then on: look at the difference. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CHART, chart, goldenPath, VALUES } from "./chart-tool.ts";

for (const name of VALUES) {
  await writeFile(goldenPath(name), await chart("template", join(CHART, "ci", `${name}-values.yaml`)));
}
