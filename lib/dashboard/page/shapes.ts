/** The shapes of sparklines and of stacked charts. */

import type { ChartSeries } from "../view.ts";

/** Width of the sparkline's box, which is stretched to its element. */
export const SPARK_WIDTH = 100;
/** Its height. */
export const SPARK_HEIGHT = 24;

/** The `d` of a path from 0 at the bottom to the largest value at the top; empty without values. */
export function sparkPath(values: readonly (number | null)[]): string {
  const largest = Math.max(0, ...values.map((value) => value ?? 0));
  const step = SPARK_WIDTH / Math.max(1, values.length - 1);
  let path = "";
  let isDown = false;
  values.forEach((value, index) => {
    if (value === null) {
      isDown = false;
      return;
    }
    const y = SPARK_HEIGHT - 1 - (largest === 0 ? 0 : (value / largest) * (SPARK_HEIGHT - 2));
    const point = `${(index * step).toFixed(1)} ${y.toFixed(1)}`;
    // A point between gaps is a line of zero length, which round caps make visible.
    path += isDown ? `L${point}` : `M${point}h0`;
    isDown = true;
  });
  return path;
}

/** Each line plus the ones before it; null where no line has a value. */
export function stack(series: readonly ChartSeries[], length: number): (number | null)[][] {
  const sums: (number | null)[] = Array(length).fill(null);
  return series.map(({ values }) => {
    for (let at = 0; at < length; at++) {
      const value = values[at] ?? null;
      if (value !== null) sums[at] = (sums[at] ?? 0) + value;
    }
    return [...sums];
  });
}
