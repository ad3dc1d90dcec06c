/** The colours that canvases draw with: they come from the style sheet. */

/** The colours of a theme. */
export interface Colors {
  /** Lines of charts, in order. */
  readonly series: readonly string[];
  /** Words at axes. */
  readonly text: string;
  /** Lines behind a chart. */
  readonly grid: string;
  /** Full cells of a heat map. */
  readonly heat: string;
}

/** How many colours the style sheet has for lines; more lines begin again, with another dash. */
export const SERIES_COLORS = 8;

/** Reads the colours that hold now, light or dark. */
export function readColors(): Colors {
  const style = getComputedStyle(document.documentElement);
  const get = (name: string): string => style.getPropertyValue(name).trim();
  return {
    series: Array.from({ length: SERIES_COLORS }, (_, index) => get(`--series-${index + 1}`)),
    text: get("--text-soft"),
    grid: get("--grid"),
    heat: get("--heat"),
  };
}

/** The colour of a line. */
export function seriesColor(colors: Colors, index: number): string {
  return colors.series[index % colors.series.length] ?? colors.text;
}
