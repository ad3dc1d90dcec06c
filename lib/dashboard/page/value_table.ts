/** The last values of a chart as a table, for those who cannot see the picture. */

import type { Chart, ChartSeries, Unit } from "../view.ts";
import { element, nameElement } from "./dom.ts";
import { boundText, valueText } from "./value_text.ts";

/** What stands above the columns. */
const HEADS: Readonly<Record<Chart["kind"], readonly string[]>> = {
  line: ["Line", "Last", "Lowest", "Highest"],
  stacked: ["Part", "Last", "Lowest", "Highest"],
  heatmap: ["Up to", "Last", "Lowest", "Highest"],
};

/** The last value of a line, and the bounds of all. */
function cells(name: string, { values }: ChartSeries, unit: Unit): HTMLElement[] {
  const known = values.filter((value) => value !== null);
  const last = values.at(-1) ?? null;
  const [least, most] = known.length === 0
    ? [null, null]
    : [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))];
  return [
    element("th", { scope: "row" }, nameElement(name)),
    ...[last, least, most].map((value) => element("td", {}, valueText(value, unit))),
  ];
}

/** The table of a chart. */
export function valueTable({ title, kind, series, unit }: Chart): HTMLTableElement {
  const head = HEADS[kind].map((text) => element("th", { scope: "col" }, text));
  const rows = series.map((line) =>
    element("tr", {}, ...cells(kind === "heatmap" ? boundText(line.name) : line.name, line, unit))
  );
  return element(
    "table",
    {},
    element("caption", {}, `${title} in the window`),
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows),
  );
}
