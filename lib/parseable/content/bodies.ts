/**
 * The JSON of dashboards and alerts of Parseable 2.9.5. The server validates titles and tile ids and
 * keeps the rest as it is; the front end's fields are those of Parseable's own
 * templates (github.com/parseablehq/dashboards).
 */

/** The kind of chart of a tile. */
export type ChartType = "query-value" | "timeseries" | "table" | "bar";

/** The position of a tile, in cells of a grid that is 12 wide. */
export interface LayoutBody {
  /** The id of the tile. */
  readonly i: string;
  /** The column of its left edge, from 0. */
  readonly x: number;
  /** The row of its upper edge, from 0, within its section. */
  readonly y: number;
  /** Its width. */
  readonly w: number;
  /** Its height. */
  readonly h: number;
  /** Whether it is being moved. */
  readonly moved: boolean;
  /** Whether it cannot be moved. */
  readonly static: boolean;
}

/** One axis of a chart. */
export interface AxisBody {
  /** Its column; a list over time. */
  readonly field: string | readonly string[];
  /** Its label. */
  readonly title: string;
  /** Whether it is shown. */
  readonly display: boolean;
}

/** The appearance of a tile. */
export interface ConfigBody {
  /** The shape of the marks: `line` for a chart over time, else the type of the chart. */
  readonly type: string;
  /** The name of one of the front end's palettes. */
  readonly colourScheme: string;
  /** Legend and numbers. */
  readonly layout: {
    readonly segments: { readonly value: readonly number[]; readonly isPercent: boolean };
    readonly legendPosition: string;
    readonly label: boolean;
    readonly unit: string;
    readonly precision: number;
    readonly humanize: boolean;
  };
  /** The columns of its axes. */
  readonly axes: {
    readonly x: AxisBody;
    readonly y: AxisBody & { readonly beginAtZero: boolean };
    readonly groupBy: { readonly field: readonly string[] };
  };
  /** Labels of marks and tooltips. */
  readonly advanced: {
    readonly dataLabels: { readonly enabled: boolean };
    readonly tooltip: {
      readonly enabled: boolean;
      readonly mode: string;
      readonly intersect: boolean;
    };
  };
}

/** A tile of a dashboard. */
export interface TileBody {
  /** A ULID. */
  // deno-lint-ignore camelcase
  readonly tile_id: string;
  /** Its section. */
  readonly sectionId: string;
  /** Its title. */
  readonly title: string;
  /** The query is SQL text. */
  readonly tileType: "code";
  /** The streams that it reads. */
  readonly dbName: readonly string[];
  /** Its kind of chart. */
  readonly chartType: ChartType;
  /** SQL without a time condition: Parseable adds the range of the dashboard. */
  readonly chartQuery: string;
  /** Its position. */
  readonly layout: LayoutBody;
  /** Its appearance. */
  readonly config: ConfigBody;
}

/** A collapsible section of a dashboard. */
export interface SectionBody {
  /** Its id, which tiles refer to. */
  readonly sectionId: string;
  /** Its heading. */
  readonly title: string;
  /** Whether it is expanded. */
  readonly isExpanded: boolean;
}

/** The body of `POST /api/v1/dashboards`. */
export interface DashboardBody {
  /** Unique: Parseable rejects a second one. */
  readonly title: string;
  /** The version of the format. */
  readonly version: "v1";
  /** The kind of dashboard. */
  readonly dashboardType: "Dashboard";
  /** Tags. */
  readonly tags: readonly string[];
  /** Its sections, from the top. */
  readonly sections: readonly SectionBody[];
  /** Variables of the front end; none are used. */
  readonly variables: readonly string[];
  /** Its tiles. */
  readonly tiles: readonly TileBody[];
}

/** The severity of an alert. */
export type Severity = "critical" | "high" | "medium" | "low";

/** The body of `POST /api/v1/alerts`, without `targets`. */
export interface AlertBody {
  /** Its severity. */
  readonly severity: Severity;
  /** Unique among ours; Parseable allows duplicates. */
  readonly title: string;
  /** The only kind that open-source Parseable evaluates. */
  readonly alertType: "threshold";
  /** SQL whose topmost aggregate is the value. Without rows the value is 0. */
  readonly query: string;
  /** It fires for any row whose value compares like this with the threshold. */
  readonly thresholdConfig: {
    readonly operator: ">" | "<";
    readonly value: number;
  };
  /** Its window. */
  readonly evalConfig: {
    readonly rollingWindow: {
      /** The length of the window, such as `10m`. */
      readonly evalStart: string;
      /** Its end. */
      readonly evalEnd: "now";
      /** How often it is evaluated, in minutes. */
      readonly evalFrequency: number;
    };
  };
  /** How often it notifies while it fires, in minutes; at most `evalFrequency`. */
  readonly notificationConfig: { readonly interval: number };
  /** Tags. */
  readonly tags: readonly string[];
  /** What to do when it fires; Parseable keeps the field and shows it in the alert. */
  readonly runbook: string;
}
