/** Views in one go. */

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
