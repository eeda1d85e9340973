/** The result of a scrape. */
export interface Scrape {
  readonly status: number;
  readonly text: string;
  /** The value of a series, for example `sealwire_jobs{state="QUEUED"}`; `undefined` if it is missing. */
  value(series: string): number | undefined;
}

/** Reads the metrics at "HOST:PORT" as Prometheus does. */
export async function scrape(address: string): Promise<Scrape> {
  const response = await fetch(`http://${address}/metrics`);
  const text = await response.text();
  return { status: response.status, text, value: (series) => valueIn(text, series) };
}

/** The value of a series in the text of a scrape. */
export function valueIn(text: string, series: string): number | undefined {
  const line = text.split("\n").find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}
