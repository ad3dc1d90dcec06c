/** Tiles, and their JSON. */

import type { ChartType, TileBody } from "./bodies.ts";
import { type Query, queryText } from "./query.ts";
import { ulidOf } from "../ulid.ts";

/** The look of a tile: a number, lines or stacked areas over time, a table, or bars. */
export type Look = "number" | "lines" | "areas" | "table" | "bars";

/** A tile. */
export interface Tile {
  /** Its key within the dashboard. The id is derived from it, so a title may change. */
  readonly key: string;
  /** Its title. */
  readonly title: string;
  /** The operator's question that it answers. */
  readonly question: string;
  /** Its look. */
  readonly look: Look;
  /** The unit of its numbers; empty in tables, whose columns are named after their units. */
  readonly unit: string;
  /** Digits after the decimal point. */
  readonly digits: number;
  /** Its query. */
  readonly query: Query;
  /** The columns that are drawn; `value` without it. */
  readonly columns?: readonly string[];
  /** The columns that identify its lines; those of the query's `by` without it. */
  readonly lines?: readonly string[];
}

/** The name of each look in Parseable's front end, and its size on a grid 12 cells wide. */
const LOOKS: Readonly<Record<Look, { chart: ChartType; type: string; w: number; h: number }>> = {
  number: { chart: "query-value", type: "query-value", w: 3, h: 5 },
  lines: { chart: "timeseries", type: "line", w: 6, h: 8 },
  areas: { chart: "timeseries", type: "area", w: 6, h: 8 },
  table: { chart: "table", type: "table", w: 12, h: 8 },
  bars: { chart: "bar", type: "bar", w: 6, h: 8 },
};

/** The width of the grid. */
const COLUMNS = 12;

/** The place of a section's tiles. */
export interface Place {
  /** The key of the dashboard, for the ids. */
  readonly dashboard: string;
  /** The id of the section. */
  readonly sectionId: string;
  /** The stream that they read. */
  readonly stream: string;
}

/** Lays out the tiles of a section, from left to right and row by row. */
export function tileBodies(tiles: readonly Tile[], place: Place): TileBody[] {
  let x = 0;
  let y = 0;
  let rowHeight = 0;
  return tiles.map((tile) => {
    const { w, h } = LOOKS[tile.look];
    if (x + w > COLUMNS) {
      x = 0;
      y += rowHeight;
      rowHeight = 0;
    }
    const body = tileBody(tile, place, { x, y, w, h });
    x += w;
    rowHeight = Math.max(rowHeight, h);
    return body;
  });
}

function tileBody(
  tile: Tile,
  { dashboard, sectionId, stream }: Place,
  box: { x: number; y: number; w: number; h: number },
): TileBody {
  const id = ulidOf(`vllm-metrics/${dashboard}/${tile.key}`);
  return {
    tile_id: id,
    sectionId,
    title: tile.title,
    tileType: "code",
    dbName: [stream],
    chartType: LOOKS[tile.look].chart,
    chartQuery: queryText(tile.query, stream),
    layout: { i: id, ...box, moved: false, static: false },
    config: configOf(tile),
  };
}

function configOf(tile: Tile): TileBody["config"] {
  const { chart, type } = LOOKS[tile.look];
  const overTime = chart === "timeseries";
  const by = tile.query.by ?? [];
  const columns = tile.columns ?? ["value"];
  return {
    type,
    colourScheme: "classic",
    layout: {
      segments: { value: [10, 90], isPercent: true },
      legendPosition: "bottom",
      label: false,
      unit: tile.unit,
      precision: tile.digits,
      humanize: true,
    },
    axes: {
      x: { field: overTime ? "time_bin" : by[0] ?? "", title: "", display: true },
      y: {
        field: overTime ? columns : columns[0] ?? "",
        title: tile.unit,
        display: true,
        beginAtZero: true,
      },
      groupBy: { field: overTime ? tile.lines ?? by : [] },
    },
    advanced: {
      dataLabels: { enabled: false },
      tooltip: { enabled: true, mode: "index", intersect: false },
    },
  };
}
