/* This file also runs on Node versions that are too old, so it uses nothing newer than Node 20. */

/** The oldest supported Node version, equal to `engines` in package.json. */
const REQUIRED = [22, 18] as const;

/** Describes why a Node version is not supported; `undefined` if it is. */
export function oldNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [requiredMajor, requiredMinor] = REQUIRED;
  if (major > requiredMajor || (major === requiredMajor && minor >= requiredMinor)) return undefined;
  return `sealwire needs Node ${REQUIRED.join(".")} or newer, this is ${version}.`;
}
