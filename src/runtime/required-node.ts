/* Whatever imports this file may run on a Node that is too old: nothing in here is newer than Node 20. */

/** The oldest Node that Sealwire runs on, as `engines` in package.json says. */
const REQUIRED = [22, 18] as const;

/** What is wrong with a version of Node; `undefined` if it is new enough. */
export function oldNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [requiredMajor, requiredMinor] = REQUIRED;
  if (major > requiredMajor || (major === requiredMajor && minor >= requiredMinor)) return undefined;
  return `sealwire needs Node ${REQUIRED.join(".")} or newer, this is ${version}.`;
}
