/** Plain tables for a terminal. */

/**
 * Lays out rows in columns. The first and the last column are text and lean to
 * the left, those between are figures and lean to the right.
 */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    }
  }
  const last = widths.length - 1;
  return rows.map((row) =>
    row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 || column === last ? cell.padEnd(width) : cell.padStart(width);
    }).join("  ").trimEnd() + "\n"
  ).join("");
}

/** Finds the middle of some figures. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? NaN;
  const high = sorted[Math.floor(middle)] ?? NaN;
  return (low + high) / 2;
}

/** Writes KiB as MiB. */
export function mebibytes(kib: number): string {
  return (kib / 1024).toFixed(1);
}
