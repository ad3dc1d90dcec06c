/**
 * Dashboards as lists of tiles, and the JSON that Parseable 2.9.5 takes of them. The server checks
 * titles and tile ids and stores the rest as it is; the front end's fields are those of Parseable's
 * own templates (github.com/parseablehq/dashboards).
 */

import type { JsonObject } from "../json.ts";
import { ulidOf } from "../ulid.ts";
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

/** A tile in Parseable. Its query has no time condition: Parseable adds the dashboard's range. */
export type TileBody = {
  // deno-lint-ignore camelcase
  readonly tile_id: string;
  readonly sectionId: string;
  readonly title: string;
  readonly tileType: "code";
  readonly dbName: readonly string[];
  readonly chartType: string;
  readonly chartQuery: string;
  /** Its place in the section, in cells of a grid that is 12 wide. */
  readonly layout:
    & Record<"x" | "y" | "w" | "h", number>
    & { i: string; moved: boolean; static: boolean };
  readonly config: JsonObject;
};

/** The body of `POST /api/v1/dashboards`. Parseable refuses a second dashboard of one title. */
export type DashboardBody = {
  readonly title: string;
  readonly version: "v1";
  readonly dashboardType: "Dashboard";
  readonly tags: readonly string[];
  readonly sections: readonly { sectionId: string; title: string; isExpanded: boolean }[];
  readonly variables: readonly string[];
  readonly tiles: readonly TileBody[];
};

/** The tag of all that is ours. */
export const TAG = "vllm-metrics";

/** How a tile looks, the unit of its numbers, and their decimals. */
export function look(
  look: Look,
  unit: string,
  digits: number,
): Pick<Tile, "look" | "unit" | "digits"> {
  return { look, unit, digits };
}

/** What Parseable's front end calls a look, and the size of such a tile. */
const LOOKS: Readonly<Record<Look, { chart: string; type: string; w: number; h: number }>> = {
  number: { chart: "query-value", type: "query-value", w: 3, h: 5 },
  lines: { chart: "timeseries", type: "line", w: 6, h: 8 },
  areas: { chart: "timeseries", type: "area", w: 6, h: 8 },
  table: { chart: "table", type: "table", w: 12, h: 8 },
  bars: { chart: "bar", type: "bar", w: 6, h: 8 },
};

/** The width of the grid. */
const GRID = 12;

/** Creates the JSON of a dashboard. */
export function dashboardBody({ key, title, sections }: Dashboard, stream: string): DashboardBody {
  const placed = sections.map((section) => ({
    ...section,
    sectionId: ulidOf(`vllm-metrics/${key}/${section.title}`),
  }));
  return {
    title,
    version: "v1",
    dashboardType: "Dashboard",
    tags: [TAG, "vllm"],
    sections: placed.map(({ sectionId, title }) => ({ sectionId, title, isExpanded: true })),
    variables: [],
    tiles: placed.flatMap(({ sectionId, tiles }) => {
      const boxOf = layOut();
      return tiles.map((tile): TileBody => {
        const id = ulidOf(`vllm-metrics/${key}/${tile.key}`);
        return {
          tile_id: id,
          sectionId,
          title: tile.title,
          tileType: "code",
          dbName: [stream],
          chartType: LOOKS[tile.look].chart,
          chartQuery: queryText(tile.query, stream),
          layout: { i: id, ...boxOf(tile), moved: false, static: false },
          config: configOf(tile),
        };
      });
    }),
  };
}

/** Places the tiles of a section one after the other, from left to right and row by row. */
function layOut(): (tile: Tile) => Record<"x" | "y" | "w" | "h", number> {
  let [right, top, bottom] = [0, 0, 0];
  return ({ look }) => {
    const { w, h } = LOOKS[look];
    if (right + w > GRID) [right, top] = [0, bottom];
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
