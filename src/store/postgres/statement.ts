import { createHash } from "node:crypto";

/** An SQL statement with named parameters, prepared once per connection. */
export interface Statement {
  /**
   * Name of the prepared statement, equal for equal texts. Without a name the statement is planned for each execution.
   */
  readonly name?: string;
  /** The text with $1, $2… instead of the names. */
  readonly text: string;
  readonly parameters: readonly string[];
}

/** Values by parameter name, without the colon. */
export type Values = Readonly<Record<string, unknown>>;

/** A name after a colon, except for the type after the double colon of a cast. */
const PARAMETER = /(?<!:):([a-z]\w*)/gi;

/**
 * Compiles SQL with parameters written as `:name`. Lookups for the items of an array are LATERAL subqueries with a
 * LIMIT, and updates find their rows by `ANY (ARRAY(…))`. PostgreSQL then uses the index for any row estimate, whereas
 * a join may scan the whole table.
 */
export function sql(text: string): Statement {
  const statement = sqlPlannedAnew(text);
  const name = `sealwire_${createHash("sha256").update(statement.text).digest("hex").slice(0, 16)}`;
  return { ...statement, name };
}

/**
 * Compiles SQL that is planned for each execution, for statements whose best plan depends on the values or on the size
 * of the table. A plan that was cached while the table was small would be slow later.
 */
export function sqlPlannedAnew(text: string): Statement {
  const parameters: string[] = [];
  const numbered = text.replaceAll(PARAMETER, (_, name: string) => {
    if (!parameters.includes(name)) parameters.push(name);
    return `$${parameters.indexOf(name) + 1}`;
  });
  return { text: numbered, parameters };
}
