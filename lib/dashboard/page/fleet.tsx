/** The servers as a table: sortable, with outliers marked; a click selects a server. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import type { FleetRow } from "../view.ts";
import { choice, choose } from "./state.ts";
import { formatSpan, valueText } from "./text.ts";

/** A shape and a word for each state, besides its color. */
export const TARGET_STATES: Readonly<Record<FleetRow["state"], string>> = {
  up: "● up",
  sleeping: "◐ sleeping",
  starting: "◔ starting",
  down: "■ down",
  unknown: "○ not scraped yet",
};

interface Column {
  readonly id: keyof FleetRow;
  readonly title: string;
  readonly text: (row: FleetRow) => string;
  readonly isText?: true;
}

const COLUMNS: readonly Column[] = [
  { id: "state", title: "State", text: ({ state }) => TARGET_STATES[state], isText: true },
  { id: "model", title: "Model", text: ({ model }) => model, isText: true },
  {
    id: "version",
    title: "Version",
    text: ({ engine, version }) => `${engine} ${version}`.trim(),
    isText: true,
  },
  { id: "running", title: "Running", text: ({ running }) => valueText(running, "count") },
  { id: "waiting", title: "Waiting", text: ({ waiting }) => valueText(waiting, "count") },
  { id: "kvCache", title: "KV cache", text: ({ kvCache }) => valueText(kvCache, "share") },
  {
    id: "kvTokens",
    title: "KV tokens",
    text: ({ kvTokens, kvCapacity }) =>
      kvTokens === null
        ? "–"
        : `${valueText(kvTokens, "count")} / ${valueText(kvCapacity, "count")}`,
  },
  { id: "ttft", title: "TTFT p95", text: ({ ttft }) => valueText(ttft, "seconds") },
  { id: "itl", title: "ITL p95", text: ({ itl }) => valueText(itl, "seconds") },
  { id: "tokens", title: "Output tokens/s", text: ({ tokens }) => valueText(tokens, "count") },
  { id: "errors", title: "Errors", text: ({ errors }) => valueText(errors, "share") },
  {
    id: "uptime",
    title: "Up for",
    text: ({ uptime }) => uptime === null ? "–" : formatSpan(uptime),
  },
];

/** The order of the rows; that of the configuration at first. */
const order = signal<{ readonly by: keyof FleetRow | undefined; readonly isDown: boolean }>({
  by: undefined,
  isDown: true,
});

/** Compares two values; rows without one come last. */
function compare(one: FleetRow, other: FleetRow, by: keyof FleetRow, isDown: boolean): number {
  const [a, b] = [one[by], other[by]];
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const sign = typeof a === "number" && typeof b === "number"
    ? a - b
    : String(a).localeCompare(String(b), "en", { numeric: true });
  return isDown ? -sign : sign;
}

function Head({ id, title }: { readonly id: keyof FleetRow; readonly title: string }): JSX.Element {
  const { by, isDown } = order.value;
  const isSorted = by === id;
  const sort = (): void => {
    order.value = { by: id, isDown: isSorted ? !isDown : id !== "instance" };
  };
  return (
    <th
      scope="col"
      aria-sort={isSorted ? isDown ? "descending" : "ascending" : "none"}
    >
      <button type="button" class="link" onClick={sort}>
        {title}
        <span aria-hidden="true" class="arrow">{isSorted ? isDown ? "▾" : "▴" : ""}</span>
      </button>
    </th>
  );
}

function Row({ row }: { readonly row: FleetRow }): JSX.Element {
  const { instance, outliers, state } = row;
  const isChosen = choice.value.instance === instance;
  const filter = (): void => choose({ instance: isChosen ? "" : instance });
  return (
    <tr data-state={state} onClick={filter} aria-current={isChosen ? "true" : undefined}>
      <th scope="row">
        <button
          type="button"
          class="link"
          title={isChosen ? "Show all servers" : "Show only this server"}
          onClick={(event) => {
            event.stopPropagation();
            filter();
          }}
        >
          <bdi class="name">{instance}</bdi>
        </button>
      </th>
      {COLUMNS.map(({ id, text, isText }) => {
        const isOutlier = outliers.some((each) => each === id);
        return (
          <td key={id} class={isText ? "text" : undefined} data-outlier={isOutlier || undefined}>
            {isOutlier && (
              <span class="outlier" title="Unlike the other servers with this model">◆</span>
            )}
            {isOutlier && <span class="unseen">unlike the others:</span>}
            <bdi class="name" title={isText ? text(row) : undefined}>{text(row)}</bdi>
          </td>
        );
      })}
    </tr>
  );
}

/** The table. */
export function Fleet({ rows }: { readonly rows: readonly FleetRow[] }): JSX.Element {
  const { by, isDown } = order.value;
  const sorted = by === undefined
    ? rows
    : rows.toSorted((one, other) => compare(one, other, by, isDown));
  return (
    <section class="card" aria-label="Servers">
      <h2 class="unseen">Servers</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of servers">
        <table id="fleet" class="fleet">
          <thead>
            <tr>
              <Head id="instance" title="Server" />
              {COLUMNS.map(({ id, title }) => <Head key={id} id={id} title={title} />)}
            </tr>
          </thead>
          <tbody>
            {sorted.map((row) => <Row key={row.instance} row={row} />)}
          </tbody>
        </table>
      </div>
    </section>
  );
}
