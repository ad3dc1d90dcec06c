/** The names of a chart's lines, with their values where the pointer is, or their last ones. */

import type { Chart } from "../view.ts";
import { drawing, element, setAttribute, setText } from "./dom.ts";
import { fullest } from "./heatmap.ts";
import { seriesDash } from "./line_plot.ts";
import { formatClock } from "./times.ts";
import { boundText, valueText } from "./value_text.ts";

/** How many colours the style sheet has. */
const COLORS = 8;

function marker(index: number, isStacked: boolean): SVGSVGElement {
  const svg = drawing("svg", {
    class: `marker series-${index % COLORS + 1}`,
    "aria-hidden": "true",
  });
  const line = drawing("line", { x1: "0", y1: "5", x2: "18", y2: "5" });
  if (!isStacked) setAttribute(line, "stroke-dasharray", seriesDash(index).join(" "));
  else setAttribute(svg, "data-stacked", "");
  svg.append(line);
  return svg;
}

/** Shows a legend. */
export class Legend {
  readonly #time = element("li", { class: "legend-time" });
  #values: HTMLElement[] = [];
  /** Its element. */
  readonly root: HTMLElement = element("ul", { class: "legend" });

  /** Makes the legend of a chart anew: its lines are others than before. */
  rebuild(chart: Chart): void {
    const items = chart.kind === "heatmap" ? this.#heatItems() : this.#lineItems(chart);
    this.#values = items.map((item) => {
      const value = element("span", { class: "legend-value" });
      item.append(" ", value);
      return value;
    });
    this.root.replaceChildren(...items, this.#time);
  }

  #heatItems(): HTMLElement[] {
    const scale = element("span", { class: "heat-scale", "aria-hidden": "true" });
    return [element("li", {}, "few ", scale, " many")];
  }

  #lineItems({ kind, series }: Chart): HTMLElement[] {
    return series.map(({ name }, index) =>
      element("li", {}, marker(index, kind === "stacked"), name)
    );
  }

  /** Shows the values at a time of the chart, or the last ones. */
  update(chart: Chart, index?: number, height?: number): void {
    const { times, series, unit, kind } = chart;
    const time = index === undefined ? undefined : times[index];
    setText(this.#time, time === undefined ? "" : formatClock(time * 1_000));
    if (kind === "heatmap") return this.#updateHeat(chart, index, height);
    const at = index ?? times.length - 1;
    this.#values.forEach((node, line) => {
      setText(node, valueText(series[line]?.values[at], unit));
    });
  }

  #updateHeat(chart: Chart, index?: number, height?: number): void {
    const [node] = this.#values;
    if (node === undefined) return;
    const bucket = height === undefined ? undefined : chart.series[Math.floor(height)];
    if (bucket === undefined || index === undefined) {
      setText(node, `fullest cell ${valueText(fullest(chart), "count")}`);
      return;
    }
    setText(node, `up to ${boundText(bucket.name)}: ${valueText(bucket.values[index], "count")}`);
  }
}
