/**
 * The JSON that Parseable 2.9.5 takes for dashboards and alerts. The server checks titles and
 * tile ids and keeps the rest as it is; the front end's fields are those of Parseable's own
 * templates (github.com/parseablehq/dashboards).
 */

/** How a tile draws its answer. */
export type ChartType = "query-value" | "timeseries" | "table" | "bar";

/** Where a tile stands, in cells of a grid that is 12 wide. */
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
  /** Which column it shows; several, or one in a list, over time. */
  readonly field: string | readonly string[];
  /** What stands beside it. */
  readonly title: string;
  /** Whether it is shown. */
  readonly display: boolean;
}

/** How a tile looks. */
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
  /** Which columns of the answer go where. */
  readonly axes: {
    readonly x: AxisBody;
    readonly y: AxisBody & { readonly beginAtZero: boolean };
    readonly groupBy: { readonly field: readonly string[] };
  };
  /** Labels at the marks, and what the pointer shows. */
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
  /** The section it stands in. */
  readonly sectionId: string;
  /** What stands above it. */
  readonly title: string;
  /** The query is SQL text. */
  readonly tileType: "code";
  /** The streams that it reads. */
  readonly dbName: readonly string[];
  /** How it draws its answer. */
  readonly chartType: ChartType;
  /** SQL without a condition on the time: Parseable adds the range of the dashboard. */
  readonly chartQuery: string;
  /** Where it stands. */
  readonly layout: LayoutBody;
  /** How it looks. */
  readonly config: ConfigBody;
}

/** A part of a dashboard that can be folded. */
export interface SectionBody {
  /** What tiles name. */
  readonly sectionId: string;
  /** Its heading. */
  readonly title: string;
  /** Whether it is open. */
  readonly isExpanded: boolean;
}

/** The body of `POST /api/v1/dashboards`. */
export interface DashboardBody {
  /** Unique among all dashboards; Parseable refuses a second one. */
  readonly title: string;
  /** The version of the format. */
  readonly version: "v1";
  /** The kind of dashboard. */
  readonly dashboardType: "Dashboard";
  /** Tags, for finding it again. */
  readonly tags: readonly string[];
  /** Its sections, from the top. */
  readonly sections: readonly SectionBody[];
  /** Variables of the front end; none are used. */
  readonly variables: readonly string[];
  /** Its tiles. */
  readonly tiles: readonly TileBody[];
}

/** How urgent an alert is. */
export type Severity = "critical" | "high" | "medium" | "low";

/** The body of `POST /api/v1/alerts`, but for `targets`. */
export interface AlertBody {
  /** How urgent it is. */
  readonly severity: Severity;
  /** Unique among ours. Parseable allows a second one of the same title. */
  readonly title: string;
  /** The only kind that Parseable's open source evaluates. */
  readonly alertType: "threshold";
  /** SQL whose topmost aggregate is the value. Without rows the value is 0. */
  readonly query: string;
  /** When it fires: for any row whose value stands so to the threshold. */
  readonly thresholdConfig: {
    readonly operator: ">" | "<";
    readonly value: number;
  };
  /** What it looks at. */
  readonly evalConfig: {
    readonly rollingWindow: {
      /** The length of the window, such as `10m`. */
      readonly evalStart: string;
      /** Its end. */
      readonly evalEnd: "now";
      /** How often it looks, in minutes. */
      readonly evalFrequency: number;
    };
  };
  /** How often it tells of it again while it fires, in minutes; at most `evalFrequency`. */
  readonly notificationConfig: { readonly interval: number };
  /** Tags, for finding it again. */
  readonly tags: readonly string[];
  /** What to do when it fires; Parseable keeps the field and shows it in the alert. */
  readonly runbook: string;
}
