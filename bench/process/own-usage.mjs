import { writeFileSync } from "node:fs";

/* JavaScript, so that nothing has to be stripped of types in the programs that are timed. Imported before a program: writes the most memory that it held, in KiB, and the processor time that it took, in microseconds, to the file that USAGE_FILE names. */
process.on("exit", () => {
  const file = process.env.USAGE_FILE;
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  if (file !== undefined) writeFileSync(file, JSON.stringify({ peakKiB: maxRSS, cpuUs: userCPUTime + systemCPUTime }));
});
