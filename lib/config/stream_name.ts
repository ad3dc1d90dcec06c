/** Reads the name of a stream of Parseable. */

import { accept, type Parsed, refuse } from "./parsed.ts";

/** Names that Parseable v2.9.5 keeps: words of SQL, in lower case only, and one of its own. */
const RESERVED_NAMES = new Set([
  "select",
  "from",
  "where",
  "group",
  "by",
  "order",
  "limit",
  "offset",
  "join",
  "and",
  "sql",
  "DEFAULT_TENANT",
]);

/**
 * Reads the name of a stream. Parseable would take letters beyond ASCII as well,
 * but not in `X-P-Stream`, and that is how a name gets there: it reads the field
 * with `to_str().unwrap()`, which only visible ASCII survives.
 *
 * @param text What was written.
 * @returns The name.
 */
export function parseStreamName(text: string): Parsed<string> {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) {
    return refuse(
      "it has a character that no stream can have in its name. " +
        'Write only letters from A to Z, digits, "-" and "_", as in "vLLMmetrics".',
    );
  }
  if (!RESERVED_NAMES.has(text)) return accept(text);
  return refuse('Parseable keeps that name for itself. Write another, such as "vLLMmetrics".');
}
