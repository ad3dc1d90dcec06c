/** All dashboards. */

import { type Dashboard, type DashboardBody, dashboardBody } from "./dashboard.ts";
import { ENGINES } from "./engines.ts";
import { latency } from "./latency.ts";
import { overview } from "./overview.ts";
import type { ContentSettings } from "./query.ts";

/** The dashboards as lists of tiles. */
export function dashboardList({ goals }: ContentSettings): readonly Dashboard[] {
  return [overview(goals), latency(goals), ENGINES];
}

/** The bodies of `POST /api/v1/dashboards`. */
export function dashboards(settings: ContentSettings): readonly DashboardBody[] {
  return dashboardList(settings).map((one) => dashboardBody(one, settings.stream));
}
