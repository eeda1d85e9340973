import { readFileSync } from "node:fs";
import { join } from "node:path";
import { codeBlocks } from "../docs/code-blocks.ts";

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "operations.md"), "utf8");

/** The owner of the schema in docs/operations.md. */
export const OWNER = "sealwire_owner";
/** The role of servers in docs/operations.md. */
export const SERVER = "sealwire_server";

/** The SQL in docs/operations.md that an administrator runs before the first migration, and the owner after it. */
export interface RolesOfPage {
  /** Creates the roles, once per cluster. */
  readonly roles: string;
  readonly schema: string;
  readonly grants: string;
}

/** The statements of the page, for another name of the schema. */
export function rolesOfPage(schema: string): RolesOfPage {
  const blocks = codeBlocks(page).filter(({ language }) => language === "sql");
  const find = (begin: string) => blocks.find(({ text }) => text.startsWith(begin))?.text;
  const [first, grants] = [find("CREATE ROLE"), find("GRANT TRUNCATE")];
  if (first === undefined || grants === undefined) throw new Error("the page does not say how roles are made");
  const renamed = (text: string) =>
    text.replaceAll(/SCHEMA sealwire\b/g, `SCHEMA ${schema}`).replaceAll("sealwire.", `${schema}.`);
  const statements = renamed(first).split(/(?<=;)\n/);
  const makesRole = (statement: string) => statement.startsWith("CREATE ROLE");
  return {
    roles: statements.filter(makesRole).join("\n"),
    schema: statements.filter((statement) => !makesRole(statement)).join("\n"),
    grants: renamed(grants),
  };
}
