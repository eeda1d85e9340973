import { delimiter, dirname } from "node:path";

/** A user's shell: this Node first, nothing of the repository's node_modules or of the npm that runs this test. */
export function userEnvironment(): NodeJS.ProcessEnv {
  const paths = (process.env.PATH ?? "").split(delimiter).filter((path) => !path.includes("node_modules"));
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: [dirname(process.execPath), ...paths].join(delimiter) };
  for (const name of Object.keys(env))
    if (/^npm_/i.test(name) && !/^npm_config_(?:registry|cache)$/i.test(name)) delete env[name];
  return env;
}
