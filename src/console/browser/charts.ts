import { numberText } from "./format.ts";
import { html, nothing, svg, type TemplateResult } from "./lit-html.js";

/** One line of a chart. */
export interface Series {
  readonly name: string;
  /** Names its colour: "one" to "three". */
  readonly tone: "one" | "two" | "three";
  /** By time, the oldest first; `undefined`: nothing was measured. */
  readonly values: readonly (number | undefined)[];
}

/** A chart over time, with the same numbers in a table. */
export interface LineChart {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly Series[];
  /** End of the last part, Unix milliseconds. */
  readonly untilMs: number;
  readonly stepMs: number;
}

const HEIGHT = 100;
/** Room above the highest line. */
const HEADROOM = 1.1;

/** Draws lines over time. */
export function lineChart({ title, unit, series, untilMs, stepMs }: LineChart): TemplateResult {
  const count = Math.max(...series.map(({ values }) => values.length), 2);
  const highest = Math.max(...series.flatMap(({ values }) => values.map((value) => value ?? 0)), 0);
  const top = niceTop(highest * HEADROOM);
  const minutes = Math.round((count * stepMs) / 60_000);
  return html`<figure class="chart">
    <figcaption>
      <h2>${title}</h2>
      <ul class="legend">${series.map(
        ({ name, tone, values }) =>
          html`<li class=${tone}><span class="key" aria-hidden="true"></span>${name} <b>${latest(values)}</b> ${unit}</li>`,
      )}</ul>
    </figcaption>
    <div class="plot">
      <span class="top">${numberText(top)}</span><span class="bottom">0</span>
      <svg viewBox="0 0 ${count - 1} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${describe(title, unit, series)}>
        ${[0.25, 0.5, 0.75].map((part) => svg`<line class="grid" x1="0" x2=${count - 1} y1=${part * HEIGHT} y2=${part * HEIGHT} />`)}
        ${series.length === 1 ? svg`<path class="area ${series[0]?.tone}" d=${areaOf(series[0]?.values ?? [], top)} />` : nothing}
        ${series.map(({ values, tone }) => svg`<path class="line ${tone}" d=${lineOf(values, top)} />`)}
      </svg>
      <span class="left">${minutes} min ago</span><span class="right">now</span>
    </div>
    <details>
      <summary>Numbers</summary>
      <div class="scroll" role="region" aria-label=${`${title}, as numbers`} tabindex="0"><table>
        <thead><tr><th scope="col">Until (UTC)</th>${series.map(({ name }) => html`<th scope="col">${name}, ${unit}</th>`)}</tr></thead>
        <tbody>${rows(series, untilMs, stepMs)}</tbody>
      </table></div>
    </details>
  </figure>`;
}

/** The newest first. */
function rows(series: readonly Series[], untilMs: number, stepMs: number): TemplateResult[] {
  const count = Math.max(...series.map(({ values }) => values.length), 0);
  return Array.from({ length: count }, (_, back) => {
    const index = count - 1 - back;
    const time = new Date(untilMs - back * stepMs).toISOString().slice(11, 19);
    return html`<tr><th scope="row">${time}</th>${series.map(({ values }) => html`<td class="number">${shown(values[index])}</td>`)}</tr>`;
  });
}

/** The path of a line. It has gaps where nothing was measured. */
export function lineOf(values: readonly (number | undefined)[], top: number): string {
  let isDrawing = false;
  return values
    .map((value, index) => {
      if (value === undefined) {
        isDrawing = false;
        return "";
      }
      const to = `${isDrawing ? "L" : "M"}${index} ${heightOf(value, top)}`;
      // A single value is a dot: a line without length, with round ends.
      const dot = !isDrawing && values[index + 1] === undefined ? `L${index} ${heightOf(value, top)}` : "";
      isDrawing = true;
      return to + dot;
    })
    .join("");
}

function areaOf(values: readonly (number | undefined)[], top: number): string {
  const points = values.map((value, index) => `L${index} ${heightOf(value ?? 0, top)}`).join("");
  return `M0 ${HEIGHT}${points}L${Math.max(values.length - 1, 0)} ${HEIGHT}Z`;
}

function heightOf(value: number, top: number): number {
  return Math.round((HEIGHT - (value / top) * HEIGHT) * 100) / 100;
}

/** The next of 1, 2 and 5 times a power of ten, as the upper end of an axis. 1 for 0. */
export function niceTop(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((each) => each * power >= value) ?? 10;
  return Number((step * power).toPrecision(1));
}

function latest(values: readonly (number | undefined)[]): string {
  return shown(values.findLast((value) => value !== undefined));
}

function shown(value: number | undefined): string {
  return value === undefined ? "–" : numberText(value);
}

/** What a chart shows, for those who do not see it. */
function describe(title: string, unit: string, series: readonly Series[]): string {
  const each = series.map(({ name, values }) => {
    const known = values.filter((value) => value !== undefined);
    const most = known.length === 0 ? "–" : numberText(Math.max(...known));
    return `${name}: now ${latest(values)} ${unit}, ${most} ${unit} at most`;
  });
  return `${title}. ${each.join("; ")}.`;
}

/** A bar as long as a part of the whole, which is 1. The number stands beside it. */
export function bar(part: number, tone: string): TemplateResult {
  const width = Math.min(100, Math.max(0, part * 100));
  return html`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" width="100" height="10" /><rect class=${tone} width=${width} height="10" />
  </svg>`;
}

/** A part of a time span. */
export interface Segment {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly tone: string;
}

/** Draws segments of one span on a line. */
export function spanBar(segments: readonly Segment[], fromMs: number, untilMs: number): TemplateResult {
  const scale = 1000 / Math.max(1, untilMs - fromMs);
  return html`<svg class="span" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" width="1000" height="10" />
    ${segments.map((segment) => {
      const width = Math.max(4, (segment.untilMs - segment.fromMs) * scale);
      const x = Math.min(1000 - width, (segment.fromMs - fromMs) * scale);
      return svg`<rect class=${segment.tone} x=${x} width=${width} height="10" />`;
    })}
  </svg>`;
}
