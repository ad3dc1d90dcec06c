/** Lines on top of one another. */

import type { ChartSeries } from "../view.ts";

/** Each line plus the ones before it; where no line has had a value there is a gap. */
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
