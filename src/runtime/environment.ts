/** Environment variables by name, as a process is given them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process. */
// biome-ignore lint/style/noProcessEnv: the one place below the command line that reads it
export const systemEnvironment: Environment = process.env;
