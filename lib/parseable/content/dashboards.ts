/** All dashboards. */

import type { DashboardBody } from "./bodies.ts";
import { type Dashboard, dashboardBody } from "./dashboard.ts";
import { engines } from "./engines.ts";
import { latency } from "./latency.ts";
import { overview } from "./overview.ts";
import type { ContentSettings } from "./query.ts";

/** Lists the dashboards. */
export function dashboardList({ goals }: ContentSettings): readonly Dashboard[] {
  return [overview(goals), latency(goals), engines()];
}

/** Creates the bodies of `POST /api/v1/dashboards`. */
export function dashboards(settings: ContentSettings): readonly DashboardBody[] {
  return dashboardList(settings).map((one) => dashboardBody(one, settings.stream));
}
