import type { Chart } from "./result.ts";

const WIDTH = 760;
const LABELS = 290;
const BAR = 22;
const GAP = 8;
const TOP = 44;

/** Draws horizontal bars, Sealwire's in colour. Readable on light and dark pages. */
export function drawChart({ title, unit, bars }: Chart): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const height = TOP + bars.length * (BAR + GAP) + GAP;
  const rows = bars.map(({ label, value, ours }, index) => {
    const y = TOP + index * (BAR + GAP);
    const width = Math.max(1, (value / most) * (WIDTH - LABELS - 90));
    const middle = y + BAR / 2 + 4;
    return [
      `  <text x="${LABELS - 10}" y="${middle}" text-anchor="end">${escaped(label)}</text>`,
      `  <rect x="${LABELS}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2" class="${ours ? "ours" : "peer"}"/>`,
      `  <text x="${(LABELS + width + 6).toFixed(1)}" y="${middle}">${Math.round(value).toLocaleString("en-US")}</text>`,
    ].join("\n");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">
  <style>
    text { font: 13px system-ui, sans-serif; fill: #57606a }
    .title { font-weight: 600 }
    .ours { fill: #1a7f64 }
    .peer { fill: #9aa4af }
    @media (prefers-color-scheme: dark) { text { fill: #adb5bd } .ours { fill: #3fb68b } .peer { fill: #5c6670 } }
  </style>
  <text x="${LABELS}" y="24" class="title">${escaped(title)} (${escaped(unit)})</text>
${rows.join("\n")}
</svg>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
