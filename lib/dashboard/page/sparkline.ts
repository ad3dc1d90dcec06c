/** A small line without axes. */

import { drawing, setAttribute } from "./dom.ts";
import { SPARK_HEIGHT, SPARK_WIDTH, sparkPath } from "./spark_path.ts";

/** A line for a tile. */
export class Sparkline {
  readonly #path = drawing("path");
  /** Its element. */
  readonly root: SVGSVGElement = drawing("svg", {
    class: "sparkline",
    viewBox: `0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`,
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });

  /** Draws nothing yet. */
  constructor() {
    this.root.append(this.#path);
  }

  /** Draws values, oldest first; null is a gap. */
  update(values: readonly (number | null)[]): void {
    setAttribute(this.#path, "d", sparkPath(values));
  }
}
