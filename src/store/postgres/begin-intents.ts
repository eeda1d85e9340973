import type { IntentBegin } from "../store.ts";
import { type Instance, instanceLives, RENEW_OLD_LEASE } from "./instance.ts";
import type { Queries } from "./queries.ts";
import { sql, type Values } from "./statement.ts";

const WANTED =
  "unnest(:clientIds::text[], :requestIds::text[]) WITH ORDINALITY AS wanted (client_id, request_id, place)";
const KNOWN_INTENTS = sql(`
  SELECT wanted.place, known.* FROM ${WANTED} CROSS JOIN LATERAL (
    SELECT intent_digest, outcome, repeatable, outcome IS NULL AND ${instanceLives("intent")} AS running FROM intent
    WHERE intent.client_id = wanted.client_id AND intent.request_id = wanted.request_id LIMIT 1) AS known`);
const KNOWN_JOBS = sql(`
  SELECT wanted.place FROM ${WANTED} CROSS JOIN LATERAL (
    SELECT FROM job WHERE job.owner = wanted.client_id AND job.request_id = wanted.request_id LIMIT 1) AS known`);
/**
 * A lease that has run out, as while the database was away, is renewed with the begin: otherwise the intent would not count as
 * running before the next renewal.
 */
const LEASED = `WITH leased AS (${RENEW_OLD_LEASE})`;
const INSERT = sql(`
  ${LEASED} INSERT INTO intent (client_id, request_id, intent_digest, repeatable, instance_id, expires_at_ms)
  SELECT *, :instanceId, :expiresAt
  FROM unnest(:clientIds::text[], :requestIds::text[], :digests::bytea[], :repeatable::boolean[])`);
const BEGIN_AGAIN = sql(`
  ${LEASED} UPDATE intent SET instance_id = :instanceId, expires_at_ms = :expiresAt
  WHERE client_id = :clientId AND request_id = :requestId AND outcome IS NULL AND repeatable
    AND NOT ${instanceLives("intent")} RETURNING 1`);

/** An intent to be begun. */
export interface NewIntent {
  readonly clientId: string;
  readonly requestId: string;
  readonly digest: Uint8Array;
  readonly repeatable: boolean;
}

interface KnownIntent {
  readonly place: number;
  readonly intent_digest: Uint8Array;
  readonly outcome: Uint8Array | null;
  readonly repeatable: boolean;
  readonly running: boolean;
}

/** Who begins intents, and until when they are remembered, Unix milliseconds. */
interface BeginContext {
  readonly instance: Pick<Instance, "id" | "steadyUntilMs">;
  readonly expiresAtMs: number;
}

/** Begins a group of intents in a transaction that holds the locks of their clients. Returns the result of each. */
export async function beginIntents(
  queries: Queries,
  group: readonly NewIntent[],
  { instance, expiresAtMs }: BeginContext,
): Promise<readonly IntentBegin[]> {
  if (group.length === 0) return [];
  const { id: instanceId, steadyUntilMs } = instance;
  const run = { instanceId, steadyUntilMs, expiresAt: expiresAtMs };
  const wanted = namesOf(group);
  const intents = await queries.all<KnownIntent>(KNOWN_INTENTS, { ...wanted, steadyUntilMs });
  const jobs = await queries.all<{ place: number }>(KNOWN_JOBS, wanted);
  const standing = new Map(intents.map((intent) => [intent.place, intent]));
  const ofJobs = new Set(jobs.map(({ place }) => place));
  const begun = new Map<string, NewIntent>();
  const decide = (intent: NewIntent, place: number): IntentBegin | Promise<IntentBegin> => {
    const known = standing.get(place);
    if (known !== undefined)
      return mayRepeat(known, intent) ? beginAgain(queries, intent, run) : standingOf(known, intent);
    if (ofJobs.has(place)) return { kind: "reused" };
    const key = keyOf(intent.clientId, intent.requestId);
    const first = begun.get(key);
    if (first !== undefined) return sameIntent(first.digest, intent) ? { kind: "running" } : { kind: "reused" };
    begun.set(key, intent);
    return { kind: "begun" };
  };
  const decided: IntentBegin[] = [];
  for (const [index, intent] of group.entries()) decided.push(await decide(intent, index + 1));
  if (begun.size > 0) await insert(queries, [...begun.values()], run);
  return decided;
}

async function insert(queries: Queries, intents: readonly NewIntent[], run: Values): Promise<void> {
  const digests = intents.map(({ digest }) => Buffer.from(digest));
  const repeatable = intents.map((intent) => intent.repeatable);
  await queries.all(INSERT, { ...namesOf(intents), digests, repeatable, ...run });
}

/** Begins a known intent again. Another begin or the end of a late run may come first. */
async function beginAgain(queries: Queries, { clientId, requestId }: NewIntent, run: Values): Promise<IntentBegin> {
  const changed = await queries.all(BEGIN_AGAIN, { clientId, requestId, ...run });
  return { kind: changed.length === 1 ? "begun" : "running" };
}

function namesOf(intents: readonly NewIntent[]) {
  return {
    clientIds: intents.map(({ clientId }) => clientId),
    requestIds: intents.map(({ requestId }) => requestId),
  };
}

function standingOf(known: KnownIntent, intent: NewIntent): IntentBegin {
  if (!sameIntent(known.intent_digest, intent)) return { kind: "reused" };
  if (known.outcome !== null) return { kind: "finished", outcome: known.outcome };
  return { kind: known.running ? "running" : "unknown" };
}

/** True if the intent may be begun again: all its runs have one effect, and none is known to be running. */
function mayRepeat(known: KnownIntent, intent: NewIntent): boolean {
  const isOpen = known.outcome === null && !known.running;
  return isOpen && known.repeatable && intent.repeatable && sameIntent(known.intent_digest, intent);
}

function sameIntent(digest: Uint8Array, intent: NewIntent): boolean {
  return Buffer.compare(digest, intent.digest) === 0;
}

/** Client ids and request ids contain no line breaks. */
export function keyOf(clientId: string, requestId: string): string {
  return `${clientId}\n${requestId}`;
}
