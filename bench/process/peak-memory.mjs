import { writeFileSync } from "node:fs";

/* JavaScript, so that nothing has to be stripped of types in the programs that are timed. Imported before a program: writes the most memory that it held, in KiB, to the file that PEAK_MEMORY_FILE names. */
process.on("exit", () => {
  const file = process.env.PEAK_MEMORY_FILE;
  if (file !== undefined) writeFileSync(file, String(process.resourceUsage().maxRSS));
});
