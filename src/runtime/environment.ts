/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process. */
// biome-ignore lint/style/noProcessEnv: the only place outside the command line that reads it
export const systemEnvironment: Environment = process.env;
