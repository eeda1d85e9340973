import { delimiter, dirname } from "node:path";

/**
 * The environment of a user's shell: this Node first in PATH, without the repository's node_modules and the variables
 * of npm.
 */
export function userEnvironment(): NodeJS.ProcessEnv {
  const paths = (process.env.PATH ?? "").split(delimiter).filter((path) => !path.includes("node_modules"));
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: [dirname(process.execPath), ...paths].join(delimiter) };
  for (const name of Object.keys(env))
    if (/^npm_/i.test(name) && !/^npm_config_(?:registry|cache)$/i.test(name)) delete env[name];
  return env;
}
