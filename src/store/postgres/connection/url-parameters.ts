import { SealwireError } from "../../../errors.ts";
import type { Environment } from "../../../runtime/environment.ts";
import { nearest } from "../../../runtime/nearest.ts";

/** A parameter in a store's URL. */
interface Parameter {
  /** The environment variable that is used if the URL does not set the parameter. */
  readonly env?: string;
  /** The allowed values, if they are a closed set. */
  readonly values?: readonly string[];
  /** The format of other values. */
  readonly form?: { readonly pattern: RegExp; readonly shown: string };
  /** The fix for values that libpq supports and a store cannot use. */
  readonly refused?: Readonly<Record<string, string>>;
}

const NOT_SURELY_TLS = "It may fall back to plaintext. Use disable, require, verify-ca or verify-full.";
const READS_ONLY = "The store needs write access. Use read-write or primary.";
const PORTS = { pattern: /^\d{1,5}(,\d{1,5})*$/, shown: "a port, or one for each host, separated by commas" };

/** All parameters of a store's URL. The table in docs/operations.md lists the same. */
export const URL_PARAMETERS = {
  schema: { form: { pattern: /^[a-z_][a-z0-9_]{0,39}$/, shown: "small letters, digits and _, 40 at most" } },
  host: { env: "PGHOST" },
  port: { env: "PGPORT", form: PORTS },
  user: {},
  password: {},
  dbname: {},
  connect_timeout: { env: "PGCONNECT_TIMEOUT", form: { pattern: /^([1-9]|[1-5]\d|60)$/, shown: "1 to 60 seconds" } },
  target_session_attrs: {
    env: "PGTARGETSESSIONATTRS",
    values: ["read-write", "primary"],
    refused: {
      any: READS_ONLY,
      "read-only": READS_ONLY,
      standby: READS_ONLY,
      "prefer-standby": READS_ONLY,
    },
  },
  sslmode: {
    env: "PGSSLMODE",
    values: ["disable", "require", "verify-ca", "verify-full"],
    refused: { allow: NOT_SURELY_TLS, prefer: NOT_SURELY_TLS },
  },
  sslrootcert: { env: "PGSSLROOTCERT" },
  sslcert: { env: "PGSSLCERT" },
  sslkey: { env: "PGSSLKEY" },
} as const satisfies Record<string, Parameter>;

/** The name of a parameter of a store's URL. */
export type ParameterName = keyof typeof URL_PARAMETERS;

/** Parameter values by name. */
export type ParameterValues = Partial<Record<ParameterName, string>>;

const NAMES = Object.keys(URL_PARAMETERS) as ParameterName[];

/** Validates the parameters of a URL and reads missing ones from the environment. Throws OPTIONS_INVALID. */
export function readParameters(given: readonly (readonly [string, string])[], env: Environment): ParameterValues {
  const values: ParameterValues = {};
  for (const [name, value] of given) {
    if (!isKnown(name)) throw unknown(name);
    if (values[name] !== undefined) throw invalid(`The store's URL sets ${name} twice.`, "Keep one of them.");
    values[name] = checked(name, value, name);
  }
  for (const name of NAMES) {
    const { env: variable }: Parameter = URL_PARAMETERS[name];
    const value = variable && env[variable];
    if (variable && value && values[name] === undefined) values[name] = checked(name, value, variable);
  }
  return values;
}

function isKnown(name: string): name is ParameterName {
  return Object.hasOwn(URL_PARAMETERS, name);
}

function unknown(name: string): SealwireError {
  if (name === "options") return invalid("The store's URL may not set options.", "Set them for the database user.");
  const near = nearest(name, NAMES);
  const toDo = near === undefined ? `Known are ${NAMES.join(", ")}.` : `Did you mean ${near}?`;
  return invalid(`The store's URL has a parameter ${JSON.stringify(name)}, which is not known.`, toDo);
}

/**
 * `source` names the origin of the value. The value of `password` is never quoted, because `password` has no format.
 */
function checked(name: ParameterName, value: string, source: string): string {
  const { values, form, refused }: Parameter = URL_PARAMETERS[name];
  if (value === "") throw invalid(`The store's ${source} is empty.`, "Give a value, or leave it out.");
  const cannot = `The store's ${source} cannot be ${JSON.stringify(value)}.`;
  const why = refused && Object.hasOwn(refused, value) ? refused[value] : undefined;
  if (why !== undefined) throw invalid(cannot, why);
  if (values !== undefined && !values.includes(value)) {
    const near = nearest(value, values);
    throw invalid(cannot, near === undefined ? `Take ${values.join(" or ")}.` : `Did you mean ${near}?`);
  }
  if (form !== undefined && !form.pattern.test(value)) throw invalid(cannot, `Take ${form.shown}.`);
  return value;
}

function invalid(what: string, toDo: string): SealwireError {
  return new SealwireError("OPTIONS_INVALID", `${what}\n${toDo}`);
}
