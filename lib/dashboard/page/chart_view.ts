/** A chart with its explanation, legend, plot and table. */

import type { Chart } from "../view.ts";
import { type Plot, readColors } from "./plot.ts";
import { element, type ItemView, setAttribute, setText, show } from "./dom.ts";
import { createHeatmap } from "./heatmap.ts";
import { Legend, valueTable } from "./legend.ts";
import { createLinePlot } from "./line_plot.ts";

/** What requires a new plot when it changes. */
function shapeOf({ kind, unit, series }: Chart): string {
  return JSON.stringify([kind, unit, kind === "heatmap" ? "" : series.map(({ name }) => name)]);
}

/** Shows a chart. */
export class ChartView implements ItemView<Chart> {
  readonly #title = element("h3");
  readonly #shows = element("p", { class: "shows" });
  readonly #normal = element("p");
  readonly #action = element("p");
  readonly #remark = element("p", { class: "remark" });
  readonly #note = element("p", { class: "chart-note" });
  readonly #canvas = element("div", { class: "canvas" });
  readonly #plotBox = element("div", { class: "plot", role: "img" }, this.#canvas);
  readonly #legend = new Legend();
  readonly #values = element("details", {}, element("summary", {}, "Values"));
  readonly #resize = new ResizeObserver(() => this.#fit());
  #plot: Plot | undefined;
  #shape = "";
  #chart: Chart;
  #point: readonly [index: number | undefined, height: number | undefined] = [undefined, undefined];
  /** Its element. */
  readonly root: HTMLElement;

  /** Creates the elements; the first update draws. */
  constructor(chart: Chart) {
    this.#chart = chart;
    const id = `chart-${chart.id}`;
    this.#title.id = `${id}-title`;
    const meaning = element(
      "details",
      {},
      element("summary", {}, "What is normal"),
      this.#normal,
      this.#action,
    );
    this.root = element(
      "article",
      { class: "chart", id, "aria-labelledby": this.#title.id },
      element(
        "header",
        {},
        element("div", { class: "chart-head" }, this.#title, this.#legend.point),
        this.#shows,
        this.#remark,
      ),
      this.#legend.root,
      element("div", { class: "plot-frame" }, this.#plotBox, this.#note),
      element("footer", {}, meaning, this.#values),
    );
    this.#values.addEventListener("toggle", () => this.#updateTable());
    this.#resize.observe(this.#canvas);
  }

  /** Shows the current chart. */
  update(chart: Chart): void {
    this.#chart = chart;
    setText(this.#title, chart.title);
    setText(this.#shows, chart.explanation.shows);
    setText(this.#normal, chart.explanation.normal);
    setText(this.#action, chart.explanation.action);
    setText(this.#note, chart.note);
    show(this.#note, chart.note !== "");
    setText(this.#remark, chart.remark ?? "");
    show(this.#remark, chart.remark !== undefined);
    setAttribute(this.root, "data-empty", String(chart.note !== ""));
    const state = chart.note === "" ? "its values are in the table below" : chart.note;
    setAttribute(this.#plotBox, "aria-label", `${chart.title}: ${state}`);
    this.#draw();
    this.#updateTable();
  }

  /** Redraws in the current colors. */
  recolor(): void {
    this.#shape = "";
    this.#draw();
  }

  /** Releases the plot. */
  dispose(): void {
    this.#resize.disconnect();
    this.#plot?.dispose();
  }

  #draw(): void {
    const chart = this.#chart;
    const shape = shapeOf(chart);
    if (shape === this.#shape) {
      this.#plot?.update(chart);
    } else {
      this.#shape = shape;
      this.#plot?.dispose();
      this.#legend.rebuild(chart);
      const create = chart.kind === "heatmap" ? createHeatmap : createLinePlot;
      this.#plot = create({
        chart,
        parent: this.#canvas,
        colors: readColors(),
        onPoint: (...point) => {
          this.#point = point;
          this.#legend.update(this.#chart, ...point);
        },
      });
    }
    this.#legend.update(chart, ...this.#point);
  }

  #fit(): void {
    const width = this.#canvas.clientWidth;
    if (width > 0) this.#plot?.resize(width);
  }

  #updateTable(): void {
    if (!this.#values.open) return;
    const [summary] = this.#values.children;
    if (summary !== undefined) this.#values.replaceChildren(summary, valueTable(this.#chart));
  }
}
