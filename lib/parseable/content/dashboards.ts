/** All dashboards. */

import type { DashboardBody } from "./bodies.ts";
import type { ContentSettings } from "./content_settings.ts";
import { type Dashboard, dashboardBody } from "./dashboard.ts";
import { engines } from "./engines.ts";
import { latency } from "./latency.ts";
import { overview } from "./overview.ts";

/** Lists the dashboards as we think of them. */
export function dashboardList({ goals }: ContentSettings): readonly Dashboard[] {
  return [overview(goals), latency(goals), engines()];
}

/** Makes the JSON of the dashboards. */
export function dashboards(settings: ContentSettings): readonly DashboardBody[] {
  return dashboardList(settings).map((one) => dashboardBody(one, settings.stream));
}
