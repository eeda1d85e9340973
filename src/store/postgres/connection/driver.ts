import { SealwireError } from "../../../errors.ts";

/** The package `pg`. */
export type Driver = typeof import("pg");

/**
 * Loads the package `pg`, which only stores on PostgreSQL need: an optional peer dependency. Throws OPTIONS_INVALID if
 * it is not installed.
 */
export async function loadDriver(): Promise<Driver> {
  try {
    return await import("pg");
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND" || !message.includes("'pg'")) throw thrown;
    throw new SealwireError(
      "OPTIONS_INVALID",
      "a store on PostgreSQL needs the package pg, which is not installed\nRun `npm install pg@8`.",
      { cause: thrown },
    );
  }
}
