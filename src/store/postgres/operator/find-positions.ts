import type { Positions } from "../../operator/operator-storage.ts";
import type { Queries } from "../queries.ts";
import { sql } from "../statement.ts";

const POSITION_OF = sql(
  "SELECT seq FROM job WHERE seq < :below AND seq >= :from ORDER BY seq DESC LIMIT 1 OFFSET :skip",
);
/** Binary search: below `low` every job was created earlier, from `high` on none was. */
const POSITION_AT = sql(`
  WITH RECURSIVE search (low, high) AS (
    SELECT 0::bigint, coalesce(max(seq), 0) + 1 FROM job
    UNION ALL
    SELECT
      CASE WHEN probe.created_at_ms < :timeMs THEN probe.seq + 1 ELSE low END,
      CASE WHEN probe.created_at_ms < :timeMs THEN high ELSE (low + high) / 2 END
    FROM search LEFT JOIN LATERAL (
      SELECT seq, created_at_ms FROM job WHERE seq >= (low + high) / 2 ORDER BY seq LIMIT 1
    ) AS probe ON true
    WHERE low < high
  )
  SELECT low FROM search WHERE low >= high`);

/** The position of the `count`th job below a position; `undefined` if there are fewer from `from` on. */
export async function readPositionOf(
  queries: Queries,
  count: number,
  positions: Positions,
): Promise<number | undefined> {
  const [row] = await queries.all<{ seq: number }>(POSITION_OF, { ...positions, skip: count - 1 });
  return row?.seq;
}

/** The position of the first job that was created at `timeMs` or later. */
export async function readPositionAt(queries: Queries, timeMs: number): Promise<number> {
  const [row] = await queries.all<{ low: number }>(POSITION_AT, { timeMs });
  return row?.low ?? 0;
}
