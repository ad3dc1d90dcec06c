/** What belongs to a chart besides its plot: the legend, and the values as a table. */

import type { Chart, ChartSeries, Unit } from "../view.ts";
import { SERIES_COLORS } from "./plot.ts";
import { drawing, element, nameElement, setAttribute, setText } from "./dom.ts";
import { fullest } from "./heatmap.ts";
import { seriesDash } from "./line_plot.ts";
import { boundText, formatClock, shortText, valueText } from "./text.ts";

function marker(index: number, isStacked: boolean): SVGSVGElement {
  const svg = drawing("svg", {
    class: `marker series-${index % SERIES_COLORS + 1}`,
    "aria-hidden": "true",
  });
  const line = drawing("line", { x1: "0", y1: "5", x2: "18", y2: "5" });
  if (!isStacked) setAttribute(line, "stroke-dasharray", seriesDash(index).join(" "));
  else setAttribute(svg, "data-stacked", "");
  svg.append(line);
  return svg;
}

/** The cell of a heat map at the pointer, as text. */
function bucketText({ series }: Chart, index?: number, height?: number): string {
  const bucket = height === undefined ? undefined : series[Math.floor(height)];
  if (bucket === undefined || index === undefined) return "";
  return `up to ${boundText(bucket.name)}: ${shortText(bucket.values[index], "count")},`;
}

/** The names of a chart's lines, with their values at the pointer, or their last ones. */
export class Legend {
  /** The position of the pointer as text; its place is reserved, so that nothing moves. */
  readonly point: HTMLElement = element("span", { class: "legend-point" });
  #values: HTMLElement[] = [];
  /** Its element. */
  readonly root: HTMLElement = element("ul", { class: "legend" });

  /** Rebuilds the legend for other lines. */
  rebuild(chart: Chart): void {
    const items = chart.kind === "heatmap" ? this.#heatItems() : this.#lineItems(chart);
    this.#values = items.map((item) => {
      const value = element("span", { class: "legend-value" });
      item.append(" ", value);
      return value;
    });
    this.root.replaceChildren(...items);
  }

  #heatItems(): HTMLElement[] {
    return [element("li", {}, "0 ", element("span", { class: "heat-scale" }))];
  }

  #lineItems({ kind, series }: Chart): HTMLElement[] {
    return series.map(({ name }, index) =>
      element("li", {}, marker(index, kind === "stacked"), nameElement(name))
    );
  }

  /** Shows the values at an index of the chart's times, or the last ones. */
  update(chart: Chart, index?: number, height?: number): void {
    const { times, series, unit, kind } = chart;
    const time = index === undefined ? undefined : times[index];
    const clock = time === undefined ? "" : formatClock(time * 1_000);
    const at = index ?? times.length - 1;
    const isHeat = kind === "heatmap";
    setText(this.point, isHeat ? `${bucketText(chart, index, height)} ${clock}` : clock);
    this.#values.forEach((node, line) => {
      const value = isHeat ? fullest(chart) : series[line]?.values[at];
      setText(node, shortText(value, unit));
    });
  }
}

/** The heads of the columns. */
const HEADS: Readonly<Record<Chart["kind"], readonly string[]>> = {
  line: ["Line", "Last", "Lowest", "Highest"],
  stacked: ["Part", "Last", "Lowest", "Highest"],
  heatmap: ["Up to", "Last", "Lowest", "Highest"],
};

/** The last, lowest and highest value of a line. */
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

/** A chart as a table, for those who cannot see the plot. */
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
