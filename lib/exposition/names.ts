/** Metric and label names: the only part of an exposition that the sanitiser renames. */

/** Metric names of the text format 0.0.4. */
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Label names of the text format 0.0.4, and those with a colon in them, which we mend. */
const LABEL_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Longest metric or label name, in characters; vLLM's longest has 60. */
const MAX_NAME_LENGTH = 1_024;
/** Names that Fluent Bit reads as a number. */
const NUMBER_WORD = /^(?:inf|nan)$/i;

/**
 * Tells whether a name is one of the text format 0.0.4 and so can be renamed.
 *
 * @param name A metric name as it stands in the text.
 * @returns Whether it matches `[a-zA-Z_:][a-zA-Z0-9_:]*` and has at most 1,024 characters.
 */
export function isMetricName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && METRIC_NAME.test(name);
}

/**
 * Renames what every reader must be able to take: a run of colons and
 * underscores with a colon in it becomes one `_`, and none is left over at
 * either end, since Fluent Bit drops a leading one, halves a double one and
 * loses the whole scrape on a trailing one (facts of Fluent Bit 5.1.1, section 2.2).
 *
 * @param name A metric name of the text format 0.0.4.
 * @returns The name without a colon, or undefined when nothing is left of it.
 */
export function sanitizeMetricName(name: string): string | undefined {
  const joined = name.replace(/[_:]+/g, (run: string, at: number) => {
    if (!run.includes(":")) return run;
    return at === 0 ? "" : "_";
  });
  let end = joined.length;
  while (joined[end - 1] === "_") end--;
  const result = joined.slice(0, end);
  if (result === "") return undefined;
  return /^[0-9]/.test(result) || NUMBER_WORD.test(result) ? `_${result}` : result;
}

/**
 * Renames a label name.
 *
 * @param name A label name as it stands in the text, without quotes.
 * @returns The name with `_` for each colon, or undefined when it is not a label name.
 */
export function sanitizeLabelName(name: string): string | undefined {
  if (name.length > MAX_NAME_LENGTH || !LABEL_NAME.test(name)) return undefined;
  const result = name.replaceAll(":", "_");
  return NUMBER_WORD.test(result) ? `_${result}` : result;
}

/**
 * Turns a quoted UTF-8 name of the text format 1.0.0 into a plain one, each
 * character that a plain name cannot have becoming `_` (the "underscores"
 * escaping scheme of Prometheus).
 *
 * @param name Any text.
 * @returns A name of the text format 0.0.4; it may hold colons.
 */
export function plainName(name: string): string {
  const result = name.replace(/[^a-zA-Z0-9_:]/gu, "_");
  return /^[0-9]/.test(result) ? `_${result}` : result;
}
