/** What differs between dashboards and alerts. */

/** Dashboards, or alerts. */
export interface ShelfKind {
  /** How people call one of them. */
  readonly noun: "dashboard" | "alert";
  /** Where they are. */
  readonly path: string;
  /** The field with the id. */
  readonly idField: string;
  /** The fields that count as content: Parseable gives them back as they were written. */
  readonly fields: readonly string[];
}

/** Dashboards. */
export const DASHBOARDS: ShelfKind = {
  noun: "dashboard",
  path: "/api/v1/dashboards",
  idField: "dashboardId",
  fields: ["title", "dashboardType", "sections", "variables", "tiles"],
};

/** Alerts. Fields that Parseable does not know, a runbook for one, do not change by an update. */
export const ALERTS: ShelfKind = {
  noun: "alert",
  path: "/api/v1/alerts",
  idField: "id",
  fields: [
    "severity",
    "title",
    "alertType",
    "query",
    "thresholdConfig",
    "evalConfig",
    "notificationConfig",
  ],
};
