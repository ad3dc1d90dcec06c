/** A chart with its explanation, legend, plot and table. */

import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Chart, ChartSeries, Unit } from "../view.ts";
import {
  createPlot,
  fullest,
  type Plot,
  type Point,
  SERIES_COLORS,
  seriesDash,
  shapeOf,
} from "./plot.ts";
import { theme } from "./state.ts";
import { boundText, formatClock, shortText, valueText } from "./text.ts";

/** A name from outside, which cannot change the direction of the text around it; a long one is cut. */
export function Name({ children }: { readonly children: string }): JSX.Element {
  return <bdi class="name" title={children}>{children}</bdi>;
}

function PlotBox(
  { chart, point }: { readonly chart: Chart; readonly point: Signal<Point> },
): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | undefined>(undefined);
  useLayoutEffect(() => {
    if (box.current === null) return;
    const made = createPlot(chart, box.current, (at) => point.value = at);
    plot.current = made;
    return () => made.dispose();
  }, [shapeOf(chart), theme.value]);
  useLayoutEffect(() => plot.current?.update(chart), [chart]);
  useEffect(() => {
    const observer = new ResizeObserver(() => plot.current?.fit());
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return <div class="canvas" ref={box} />;
}

function Marker({ index, isStacked }: {
  readonly index: number;
  readonly isStacked: boolean;
}): JSX.Element {
  return (
    <svg
      class={`marker series-${index % SERIES_COLORS + 1}`}
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
            <Marker index={index} isStacked={kind === "stacked"} />
            <Name>{name}</Name> <span class="legend-value">{shortText(values[at], unit)}</span>
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
  return (
    <span class="legend-point">
      {time === undefined ? "" : `${count}${formatClock(time * 1_000)}`}
    </span>
  );
}

/** The heads of the first column. */
const HEADS: Readonly<Record<Chart["kind"], string>> = {
  line: "Line",
  stacked: "Part",
  heatmap: "Up to",
};

/** The last, lowest and highest value of a line. */
function rowOf({ values }: ChartSeries, unit: Unit): string[] {
  const known = values.filter((value) => value !== null);
  const numbers = known.length === 0
    ? [null, null, null]
    : [values.at(-1), Math.min(...known), Math.max(...known)];
  return numbers.map((value) => valueText(value, unit));
}

/** A chart as a table, for those who cannot see the plot. */
function ValueTable({ chart }: { readonly chart: Chart }): JSX.Element {
  const { title, kind, series, unit } = chart;
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
            {rowOf(line, unit).map((text, column) => <td key={column}>{text}</td>)}
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
        <p class="shows">{shows}</p>
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
        <details>
          <summary>What is normal</summary>
          <p>{normal}</p>
          <p>{action}</p>
        </details>
        <details onToggle={(event) => setTable(event.currentTarget.open)}>
          <summary>Values</summary>
          {hasTable && <ValueTable chart={chart} />}
        </details>
      </footer>
    </article>
  );
}
