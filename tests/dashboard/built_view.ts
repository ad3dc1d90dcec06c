/** Views in one go, and one without anything. */

import type { View } from "../../lib/dashboard/view.ts";
import { viewSteps } from "../../lib/dashboard/view_builder.ts";

/** Computes a view without a pause; the parameters are those of {@linkcode viewSteps}. */
export function builtView(...parameters: Parameters<typeof viewSteps>): View {
  const steps = viewSteps(...parameters);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** A view without anything. */
export const EMPTY_VIEW: View = {
  version: "1",
  timeMs: 0,
  selection: {},
  windowSeconds: 300,
  fromMs: -300_000,
  toMs: 0,
  isLive: true,
  rangeSeconds: 300,
  windows: [300],
  recordedSinceMs: null,
  targets: [],
  models: [],
  engines: [],
  instances: [],
  status: { state: "collecting", level: "none", text: "No data", sinceMs: null },
  findings: [],
  incidents: [],
  signals: [],
  tiles: [],
  fleet: [],
  groups: [],
  charts: [],
  markers: [],
  cost: null,
  budgets: [],
};
