/**
 * A dashboard as a list of tiles, and the JSON that Parseable 2.9.5 takes of it. The server checks
 * titles and tile ids and stores the rest as it is; the front end's fields are those of Parseable's
 * own templates (github.com/parseablehq/dashboards).
 */

import { type JsonObject, ulidOf } from "../json.ts";
import { type Query, queryText } from "./query.ts";

/** How a tile looks: a number, lines or stacked areas over time, a table, or bars. */
export type Look = "number" | "lines" | "areas" | "table" | "bars";

/** A tile. */
export type Tile = {
  /** Its name within the dashboard; the id is made of it, so it stays when the title changes. */
  readonly key: string;
  readonly title: string;
  /** Which question of an operator it answers. */
  readonly question: string;
  readonly look: Look;
  /** The unit of its numbers; empty in tables, whose columns have different ones. */
  readonly unit: string;
  /** Decimals. */
  readonly digits: number;
  readonly query: Query;
  /** The columns that are drawn. @default {["value"]} */
  readonly columns?: readonly string[];
  /** The columns that tell its lines apart. @default {those of the query's `by`} */
  readonly lines?: readonly string[];
};

/** A dashboard. The ids of sections and tiles are made of its key. */
export type Dashboard = {
  readonly key: string;
  readonly title: string;
  readonly sections: readonly { readonly title: string; readonly tiles: readonly Tile[] }[];
};

/** The body of `POST /api/v1/dashboards`. Parseable refuses a second dashboard of one title. */
export type DashboardBody = JsonObject & {
  readonly title: string;
  readonly tags: readonly string[];
  readonly tiles: readonly (JsonObject & { readonly title: string; readonly chartQuery: string })[];
};

/** The tag of all that is ours. */
export const TAG = "vllm-metrics";

/** Sets the unit of a tile's numbers, and their decimals. */
export type LookOf = (unit: string, digits: number) => Pick<Tile, "look" | "unit" | "digits">;

function lookOf(look: Look): LookOf {
  return (unit, digits) => ({ look, unit, digits });
}

/** How a tile looks, the unit of its numbers, and their decimals. */
export const looks = {
  number: lookOf("number"),
  lines: lookOf("lines"),
  areas: lookOf("areas"),
  table: lookOf("table"),
  bars: lookOf("bars"),
};

/** Creates a tile. */
export function tile(
  key: string,
  look: ReturnType<LookOf>,
  query: Query,
  text: Pick<Tile, "title" | "question" | "columns" | "lines">,
): Tile {
  return { key, ...look, query, ...text };
}

/** What Parseable's front end calls a look, and the size of such a tile. */
const LOOKS: Readonly<Record<Look, { chart: string; type: string; w: number; h: number }>> = {
  number: { chart: "query-value", type: "query-value", w: 3, h: 5 },
  lines: { chart: "timeseries", type: "line", w: 6, h: 8 },
  areas: { chart: "timeseries", type: "area", w: 6, h: 8 },
  table: { chart: "table", type: "table", w: 12, h: 8 },
  bars: { chart: "bar", type: "bar", w: 6, h: 8 },
};

/** Creates the JSON of a dashboard. Its queries have no time: Parseable adds the dashboard's range. */
export function dashboardBody({ key, title, sections }: Dashboard, stream: string): DashboardBody {
  const idOf = (name: string): string => ulidOf(`vllm-metrics/${key}/${name}`);
  return {
    title,
    version: "v1",
    dashboardType: "Dashboard",
    tags: [TAG, "vllm"],
    sections: sections.map(({ title }) => ({ sectionId: idOf(title), title, isExpanded: true })),
    variables: [],
    tiles: sections.flatMap((section) => {
      const boxOf = layOut();
      return section.tiles.map((tile) => ({
        tile_id: idOf(tile.key),
        sectionId: idOf(section.title),
        title: tile.title,
        tileType: "code",
        dbName: [stream],
        chartType: LOOKS[tile.look].chart,
        chartQuery: queryText(tile.query, stream),
        layout: { i: idOf(tile.key), ...boxOf(tile), moved: false, static: false },
        config: configOf(tile),
      }));
    }),
  };
}

/** Places the tiles of a section from left to right and row by row, in a grid that is 12 wide. */
function layOut(): (tile: Tile) => Record<"x" | "y" | "w" | "h", number> {
  let [right, top, bottom] = [0, 0, 0];
  return ({ look }) => {
    const { w, h } = LOOKS[look];
    if (right + w > 12) [right, top] = [0, bottom];
    const box = { x: right, y: top, w, h };
    right += w;
    bottom = Math.max(bottom, top + h);
    return box;
  };
}

function configOf({ look, unit, digits, query, columns = ["value"], lines }: Tile): JsonObject {
  const { chart, type } = LOOKS[look];
  const overTime = chart === "timeseries";
  const by = query.by ?? [];
  return {
    type,
    colourScheme: "classic",
    layout: {
      segments: { value: [10, 90], isPercent: true },
      legendPosition: "bottom",
      label: false,
      unit,
      precision: digits,
      humanize: true,
    },
    axes: {
      x: { field: overTime ? "time_bin" : by[0] ?? "", title: "", display: true },
      y: {
        field: overTime ? columns : columns[0] ?? "",
        title: unit,
        display: true,
        beginAtZero: true,
      },
      groupBy: { field: overTime ? lines ?? by : [] },
    },
    advanced: {
      dataLabels: { enabled: false },
      tooltip: { enabled: true, mode: "index", intersect: false },
    },
  };
}
