/** The dashboards and alerts as files, for people who import them by hand. */

import { bodyOf, type Wanted } from "./body.ts";
import { ALERTS, DASHBOARDS, type ShelfKind } from "./shelf_kind.ts";

/** A file to write. */
export interface ExportedFile {
  /** Its path within the folder. */
  readonly path: string;
  /** Its text. */
  readonly text: string;
}

/** A title as the name of a file. */
function slugOf(title: string): string {
  return title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}

function fileOf(kind: ShelfKind, wanted: Wanted, stream: string): ExportedFile {
  const body = bodyOf(kind, wanted, { stream, targets: [] });
  const text = `${JSON.stringify(body, null, 2)}\n`;
  return { path: `${kind.noun}s/${slugOf(wanted.title)}.json`, text };
}

/**
 * Writes dashboards and alerts as the bodies of a POST. They carry our tag, so that a later run
 * knows what was imported.
 *
 * @param stream The stream that they read.
 * @param content The dashboards and alerts.
 * @returns The files: `dashboards/….json` and `alerts/….json`.
 */
export function exportFiles(
  stream: string,
  content: { readonly dashboards: readonly Wanted[]; readonly alerts: readonly Wanted[] },
): readonly ExportedFile[] {
  return [
    ...content.dashboards.map((wanted) => fileOf(DASHBOARDS, wanted, stream)),
    ...content.alerts.map((wanted) => fileOf(ALERTS, wanted, stream)),
  ];
}
