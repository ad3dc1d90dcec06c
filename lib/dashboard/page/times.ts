/** Times as people read them. */

/** How long something has lasted or is ago, in its largest unit: `4 s`, `12 min`, `3 h`, `2 days`. */
export function formatSpan(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min`;
  if (whole < 172_800) return `${Math.floor(whole / 3_600)} h`;
  return `${Math.floor(whole / 86_400)} days`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const MINUTE = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** A time of day in the browser's zone, such as `14:03:20`. */
export function formatClock(ms: number): string {
  return CLOCK.format(ms);
}

/** A time with its day when that is not today's, such as `23 Nov 14:03:20`. */
export function formatMoment(ms: number, nowMs: number): string {
  const day = DAY.format(ms);
  return day === DAY.format(nowMs) ? formatClock(ms) : `${day} ${formatClock(ms)}`;
}

/** A time at an axis: as long as the steps of the axis need. */
export function formatAxisTime(seconds: number, stepSeconds: number): string {
  const ms = seconds * 1_000;
  if (stepSeconds >= 86_400) return DAY.format(ms);
  if (stepSeconds < 60) return CLOCK.format(ms);
  const minute = MINUTE.format(ms);
  return minute === "00:00" ? DAY.format(ms) : minute;
}
