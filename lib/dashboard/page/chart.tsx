/** A chart with its explanation, legend, plot and table. */

import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Chart, ChartSeries, Marker } from "../view.ts";
import {
  createPlot,
  fullest,
  type Plot,
  type Point,
  seriesColor,
  seriesDash,
  shapeOf,
} from "./plot.ts";
import { isExplaining, isPrinting, theme, view, zoom } from "./state.ts";
import { boundText, formatClock, shortText, valueText } from "./text.ts";

/** A name from outside, which cannot change the direction of the text around it; a long one is cut. */
export function Name({ children }: { readonly children: string }): JSX.Element {
  return <bdi class="name" title={children}>{children}</bdi>;
}

/** What has been asked for and is not drawn yet: each plot takes a turn of its own. */
const waiting = new Set<() => void>();

/** Draws when everything before has been drawn, so that no turn is long. */
function soon(draw: () => void): void {
  if (waiting.size === 0) setTimeout(drawNext);
  waiting.add(draw);
}

function drawNext(): void {
  const [draw] = waiting;
  if (draw === undefined) return;
  waiting.delete(draw);
  if (waiting.size > 0) setTimeout(drawNext);
  draw();
}

/** The canvas of a chart; one far from the screen is neither created nor updated. */
function PlotBox(
  { chart, point }: { readonly chart: Chart; readonly point: Signal<Point> },
): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | undefined>(undefined);
  const latest = useRef<{ readonly chart: Chart; readonly markers: readonly Marker[] }>({
    chart,
    markers: [],
  });
  latest.current = { chart, markers: view.value?.markers ?? [] };
  const [isNear, setNear] = useState(false);
  const isDrawn = isNear || isPrinting.value;
  const wasDrawn = useRef(false);
  wasDrawn.current ||= isDrawn;
  useEffect(() => {
    if (box.current === null) return;
    const screen = new IntersectionObserver(
      ([entry]) => setNear(entry?.isIntersecting ?? false),
      { rootMargin: "60%" },
    );
    const size = new ResizeObserver(() => plot.current?.fit());
    screen.observe(box.current);
    size.observe(box.current);
    return () => {
      screen.disconnect();
      size.disconnect();
    };
  }, []);
  useLayoutEffect(() => {
    if (!wasDrawn.current) return;
    const create = (): void => {
      if (box.current === null) return;
      const { chart, markers } = latest.current;
      const onPoint = (at: Point): void => void (point.value = at);
      plot.current = createPlot(chart, box.current, { onPoint, onZoom: zoom });
      plot.current.update(chart, markers);
    };
    if (isPrinting.value) create();
    else soon(create);
    return () => {
      waiting.delete(create);
      plot.current?.dispose();
      plot.current = undefined;
    };
  }, [shapeOf(chart), theme.value, wasDrawn.current]);
  useLayoutEffect(() => {
    if (isDrawn) plot.current?.update(chart, latest.current.markers);
  }, [chart, isDrawn]);
  return <div class="canvas" ref={box} />;
}

function LineMark({ name, index, isStacked }: {
  readonly name: string;
  readonly index: number;
  readonly isStacked: boolean;
}): JSX.Element {
  return (
    <svg
      class={`marker ${seriesColor(name, index)}`}
      aria-hidden="true"
      data-stacked={isStacked ? "" : undefined}
    >
      <line
        x1="0"
        y1="5"
        x2="18"
        y2="5"
        stroke-dasharray={isStacked ? "" : seriesDash(index).join(" ")}
      />
    </svg>
  );
}

/** The bound below which a line's percentiles are not known. */
function belowOf({ below }: Chart, name: string): number | null {
  return /^p\d+$/.test(name) ? below : null;
}

interface AtPoint {
  readonly chart: Chart;
  readonly point: Signal<Point>;
}

/** The names of a chart's lines, with their values at the pointer, or their last ones. */
function Legend({ chart, point }: AtPoint): JSX.Element {
  const { kind, series, unit, times } = chart;
  const at = point.value[0] ?? times.length - 1;
  return (
    <ul class="legend">
      {kind === "heatmap"
        ? (
          <li>
            0 <span class="heat-scale" />{" "}
            <span class="legend-value">{shortText(fullest(chart), unit)}</span>
          </li>
        )
        : series.map(({ name, values }, index) => (
          <li key={name}>
            <LineMark name={name} index={index} isStacked={kind === "stacked"} />
            <Name>{name}</Name>{" "}
            <span class="legend-value">
              {shortText(values[at], unit, belowOf(chart, name))}
            </span>
          </li>
        ))}
    </ul>
  );
}

/** The position of the pointer; its place is reserved, so that nothing moves. */
function PointText({ chart: { kind, times, series }, point }: AtPoint): JSX.Element {
  const [index, height] = point.value;
  const time = index === undefined ? undefined : times[index];
  const bucket = kind === "heatmap" && height !== undefined
    ? series[Math.floor(height)]
    : undefined;
  const count = bucket === undefined || index === undefined
    ? ""
    : `up to ${boundText(bucket.name)}: ${shortText(bucket.values[index], "count")}, `;
  if (time === undefined) return <span class="legend-point" />;
  const distance = (times[1] ?? 0) - (times[0] ?? 0);
  const marks = view.value?.markers
    .filter(({ timeMs }) => Math.abs(timeMs / 1_000 - time) <= distance)
    .map(({ text }) => ` ▾ ${text}`) ?? [];
  return <span class="legend-point">{count}{formatClock(time * 1_000)}{marks.join("")}</span>;
}

/** The heads of the first column. */
const HEADS: Readonly<Record<Chart["kind"], string>> = {
  line: "Line",
  stacked: "Part",
  heatmap: "Up to",
};

/** The last, lowest and highest value of a line. */
function rowOf(chart: Chart, { name, values }: ChartSeries): string[] {
  const known = values.filter((value) => value !== null);
  const numbers = known.length === 0
    ? [null, null, null]
    : [values.at(-1), Math.min(...known), Math.max(...known)];
  return numbers.map((value) => valueText(value, chart.unit, belowOf(chart, name)));
}

/** A chart as a table, for those who cannot see the plot. */
function ValueTable({ chart }: { readonly chart: Chart }): JSX.Element {
  const { title, kind, series } = chart;
  return (
    <table>
      <caption>{title} in the window</caption>
      <thead>
        <tr>
          {[HEADS[kind], "Last", "Lowest", "Highest"].map((head) => (
            <th key={head} scope="col">{head}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {series.map((line) => (
          <tr key={line.name}>
            <th scope="row">
              <Name>{kind === "heatmap" ? boundText(line.name) : line.name}</Name>
            </th>
            {rowOf(chart, line).map((text, column) => <td key={column}>{text}</td>)}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A chart. */
export function ChartCard({ chart }: { readonly chart: Chart }): JSX.Element {
  const point = useSignal<Point>([undefined, undefined]);
  const [hasTable, setTable] = useState(false);
  const { id, title, note, remark, explanation: { shows, normal, action } } = chart;
  const state = note === "" ? "its values are in the table below" : note;
  return (
    <article
      class="chart"
      id={`chart-${id}`}
      aria-labelledby={`chart-${id}-title`}
      data-empty={String(note !== "")}
    >
      <header>
        <div class="chart-head">
          <h3 id={`chart-${id}-title`}>{title}</h3>
          <PointText chart={chart} point={point} />
        </div>
        {isExplaining.value && (
          <div class="explanation">
            <p>{shows}</p>
            <p>
              <b>Normal:</b> {normal}
            </p>
            <p>
              <b>Otherwise:</b> {action}
            </p>
          </div>
        )}
        {remark !== undefined && <p class="remark">{remark}</p>}
      </header>
      <Legend chart={chart} point={point} />
      <div class="plot-frame">
        <div class="plot" role="img" aria-label={`${title}: ${state}`}>
          <PlotBox chart={chart} point={point} />
        </div>
        {note !== "" && <p class="chart-note">{note}</p>}
      </div>
      <footer>
        <details onToggle={(event) => setTable(event.currentTarget.open)}>
          <summary>Values</summary>
          {hasTable && <ValueTable chart={chart} />}
        </details>
      </footer>
    </article>
  );
}
