import { createHash } from "node:crypto";

/** One SQL statement with named parameters, prepared once per connection. */
export interface Statement {
  /** Names the prepared statement; the same text has the same name. Without one it is planned anew each time. */
  readonly name?: string;
  /** With $1, $2… in place of the names. */
  readonly text: string;
  readonly parameters: readonly string[];
}

/** Values by parameter name, without its colon. */
export type Values = Readonly<Record<string, unknown>>;

/** A name after a colon, but not the type after the double colon of a cast. */
const PARAMETER = /(?<!:):([a-z]\w*)/gi;

/**
 * Compiles SQL. What is looked up for the items of an array stands in a LATERAL subquery with a LIMIT, and what is
 * changed is found by `ANY (ARRAY(…))`: PostgreSQL then goes through the index whatever it believes the sizes to be, where
 * a join might read a whole table. Parameters are written `:name`.
 */
export function sql(text: string): Statement {
  const statement = sqlPlannedAnew(text);
  const name = `sealwire_${createHash("sha256").update(statement.text).digest("hex").slice(0, 16)}`;
  return { ...statement, name };
}

/**
 * Compiles SQL that is planned for the values of each call: where the best index depends on them, or on the size of the
 * table, a plan that was made when the table was small must not be kept.
 */
export function sqlPlannedAnew(text: string): Statement {
  const parameters: string[] = [];
  const numbered = text.replaceAll(PARAMETER, (_, name: string) => {
    if (!parameters.includes(name)) parameters.push(name);
    return `$${parameters.indexOf(name) + 1}`;
  });
  return { text: numbered, parameters };
}
