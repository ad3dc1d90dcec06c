/** A dashboard as a list of sections, and its JSON. */

import type { DashboardBody } from "./bodies.ts";
import { type Tile, tileBodies } from "./tile.ts";
import { ulidOf } from "../ulid.ts";

/** A section of a dashboard. */
export interface Section {
  /** Its heading. */
  readonly title: string;
  /** Its tiles. */
  readonly tiles: readonly Tile[];
}

/** A dashboard. */
export interface Dashboard {
  /** Its key, from which the ids of sections and tiles are derived. */
  readonly key: string;
  /** Its title. */
  readonly title: string;
  /** Its sections, from the top. */
  readonly sections: readonly Section[];
}

/** The tag of everything that `provision` creates. */
export const TAG = "vllm-metrics";

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
    sections: placed.map((section) => ({
      sectionId: section.sectionId,
      title: section.title,
      isExpanded: true,
    })),
    variables: [],
    tiles: placed.flatMap(({ sectionId, tiles }) =>
      tileBodies(tiles, { dashboard: key, sectionId, stream })
    ),
  };
}
