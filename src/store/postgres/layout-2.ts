import { DAY_MS } from "../../runtime/time-span.ts";
import { grantLikeIntents } from "./grant-like-intents.ts";
import { NONCE_SLOT_MS, NONCE_SLOTS } from "./layout-1.ts";

/** The default window when this layout was released. A migration must not change later. */
const RELEASED_MAX_AGE_MS = 300_000;
const RELEASED_MAX_AHEAD_MS = 60_000;
/** The largest maximum age that servers of layout 1 accepted. */
const WIDEST_AGE_MS = 600_000;

/** Columns that servers of layout 1 read are unchanged, so that they keep running during an upgrade. */
const STATE = [
  "ALTER TABLE store_version ADD COLUMN min_reader integer NOT NULL DEFAULT 1",
  `ALTER TABLE store_state
    ADD COLUMN store_id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN max_age_ms bigint NOT NULL DEFAULT ${RELEASED_MAX_AGE_MS},
    ADD COLUMN max_ahead_ms bigint NOT NULL DEFAULT ${RELEASED_MAX_AHEAD_MS},
    ADD COLUMN origin text`,
];

/** Nonces are evaluated by the database's clock, not by those of the processes. */
const NOW = `CREATE FUNCTION store_now_ms() RETURNS bigint LANGUAGE sql VOLATILE
  AS 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint'`;

/** Ranges of timestamps of refused frames. No frame within a range can be claimed. */
const REFUSED = [
  `CREATE TABLE refused_range (
    client_id text NOT NULL,
    band integer NOT NULL,
    from_ms bigint NOT NULL,
    to_ms bigint NOT NULL,
    PRIMARY KEY (client_id, band)
  )`,
  grantLikeIntents("refused_range"),
];

const REFUSED_UNTIL = `(
        SELECT max(refused_range.to_ms) FROM refused_range
        WHERE refused_range.client_id = given.client_id AND given.ts_ms BETWEEN from_ms AND to_ms
      )`;

/**
 * The claim query. `allowed` is the condition on a frame besides its age, `refusedMs` the last timestamp of the refused
 * range that contains it.
 */
const claimWhere = (allowed: string, refusedMs: string) => `
    WITH wanted AS (
      SELECT given.client_id, given.nonce, given.ts_ms + age_ms AS expires_at_ms, given.place, ${refusedMs} AS refused_ms
      FROM unnest(client_ids, nonces, stamps) WITH ORDINALITY AS given (client_id, nonce, ts_ms, place)
    ), claimed AS (
      INSERT INTO nonce
      SELECT
        CASE WHEN wanted.expires_at_ms < at_ms + ${(NONCE_SLOTS - 1) * NONCE_SLOT_MS}
          THEN (wanted.expires_at_ms / ${NONCE_SLOT_MS}) % ${NONCE_SLOTS} ELSE ${NONCE_SLOTS} END,
        wanted.client_id, wanted.nonce, wanted.expires_at_ms
      FROM wanted LEFT JOIN LATERAL (
        SELECT true AS held FROM nonce WHERE nonce.client_id = wanted.client_id AND nonce.nonce = wanted.nonce LIMIT 1
      ) AS known ON true
      WHERE wanted.expires_at_ms > floor_ms AND ${allowed} AND known.held IS NULL
      ORDER BY wanted.client_id, wanted.nonce
      ON CONFLICT DO NOTHING
      RETURNING client_id, nonce
    )
    SELECT min(wanted.place), NULL::bigint FROM wanted JOIN claimed USING (client_id, nonce) GROUP BY client_id, nonce
    UNION ALL
    SELECT wanted.place, greatest(floor_ms - age_ms, wanted.refused_ms) FROM wanted
    WHERE wanted.expires_at_ms <= floor_ms OR wanted.refused_ms IS NOT NULL`;

/**
 * Claims nonces by the timestamps of their frames. Returns a row for each claimed nonce, and for each nonce of unknown
 * freshness, then with the last timestamp for which this is the case. A single row with place 0 means that the
 * process's clock differs from the database's by more than half the window. The function is planned once per
 * connection, because planning for all nonce tables takes longer than a claim.
 */
const CLAIM = `CREATE FUNCTION claim_frames(
  lock integer, process_ms bigint, client_ids text[], nonces bytea[], stamps bigint[]
) RETURNS TABLE (place bigint, until_ms bigint) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  at_ms bigint := store_now_ms();
  age_ms bigint;
  ahead_ms bigint;
  floor_ms bigint;
  ranged boolean;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(lock, 0);
  SELECT replay_floor_ms, max_age_ms, max_ahead_ms, EXISTS (SELECT FROM refused_range)
    INTO floor_ms, age_ms, ahead_ms, ranged FROM store_state;
  IF abs(process_ms - at_ms) > (age_ms + ahead_ms) / 2 THEN
    RETURN QUERY SELECT 0::bigint, NULL::bigint;
    RETURN;
  END IF;
  IF ranged THEN
    RETURN QUERY ${claimWhere("wanted.refused_ms IS NULL", REFUSED_UNTIL)};
  ELSE
    RETURN QUERY ${claimWhere("true", "NULL::bigint")};
  END IF;
END $$`;

/**
 * Ensures that frames which are ahead of the window are never claimed. Up to `most` nonces per client and `mostBytes`
 * bytes in total are stored individually; the others are stored as ranges of timestamps.
 */
const REFUSE = `CREATE FUNCTION refuse_frames(
  lock integer, most bigint, most_bytes bigint, client_ids text[], nonces bytea[], stamps bigint[],
  bands integer[], froms bigint[], tos bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  now_ms bigint := store_now_ms();
  age_ms bigint;
  ahead_ms bigint;
  crowded boolean := pg_relation_size('nonce_${NONCE_SLOTS}') > most_bytes;
  given record;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(lock, 0);
  SELECT max_age_ms, max_ahead_ms INTO age_ms, ahead_ms FROM store_state;
  FOR given IN
    SELECT * FROM unnest(client_ids, nonces, stamps, bands, froms, tos)
      AS given (client_id, nonce, ts_ms, band, from_ms, to_ms)
    ORDER BY 1, 4, 2
  LOOP
    IF given.band = 0 AND NOT crowded AND most > (
      SELECT count(*) FROM (
        SELECT FROM nonce_${NONCE_SLOTS} AS nonce
        WHERE nonce.client_id = given.client_id AND expires_at_ms > now_ms + age_ms + ahead_ms LIMIT most
      ) AS kept
    ) THEN
      INSERT INTO nonce VALUES (${NONCE_SLOTS}, given.client_id, given.nonce, given.ts_ms + age_ms) ON CONFLICT DO NOTHING;
    ELSE
      INSERT INTO refused_range VALUES (given.client_id, given.band, given.from_ms, given.to_ms)
      ON CONFLICT (client_id, band) DO UPDATE
        SET from_ms = least(refused_range.from_ms, excluded.from_ms), to_ms = greatest(refused_range.to_ms, excluded.to_ms)
        WHERE refused_range.from_ms > excluded.from_ms OR refused_range.to_ms < excluded.to_ms;
    END IF;
  END LOOP;
END $$`;

/** For servers of layout 1 a nonce of unknown freshness counts as a repeated one. */
const CLAIM_OF_LAYOUT_1 = `CREATE OR REPLACE FUNCTION claim_nonces(
  lock integer, now_ms bigint, client_ids text[], nonces bytea[], expiries bigint[]
) RETURNS SETOF bigint LANGUAGE sql AS $$
  SELECT place FROM claim_frames(lock, store_now_ms(), client_ids, nonces, ARRAY(
    SELECT expires_at_ms - ${RELEASED_MAX_AGE_MS} FROM unnest(expiries) WITH ORDINALITY AS given (expires_at_ms, place) ORDER BY place
  )) WHERE until_ms IS NULL AND place > 0
$$`;

const AHEAD = `(expires_at_ms - ${RELEASED_MAX_AGE_MS} - store_now_ms())`;
/** Layout 1 stored frames that were ahead without a limit. Those more than a day ahead are replaced by ranges. */
const FAR_AHEAD = [
  `INSERT INTO refused_range
    SELECT client_id, 1 + floor(log(2, ${AHEAD}::numeric / ${DAY_MS})), min(expires_at_ms) - ${WIDEST_AGE_MS}, max(expires_at_ms)
    FROM nonce_${NONCE_SLOTS} WHERE ${AHEAD} > ${DAY_MS} GROUP BY 1, 2`,
  `DELETE FROM nonce_${NONCE_SLOTS} WHERE ${AHEAD} > ${DAY_MS}`,
];

/**
 * Layout 2 adds the database's time, the window, refused timestamps and the origin of the store. It only adds, so that
 * servers of layout 1 keep running.
 */
export const LAYOUT_2: readonly string[] = [...STATE, NOW, ...REFUSED, CLAIM, REFUSE, CLAIM_OF_LAYOUT_1, ...FAR_AHEAD];
