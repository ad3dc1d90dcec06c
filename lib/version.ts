/** The version of the service, the commit it was made from, and what it was tested with. */

import config from "../deno.json" with { type: "json" };

/** Filled in by `git archive` (see `.gitattributes`) and by `deno task package`. */
const ARCHIVED_COMMIT: string = "$Format:%H$";

/** A semantic version, such as `0.1.0`. */
export const VERSION: string = config.version;
/** The commit as 40 hexadecimal digits; undefined in a checkout. */
export const COMMIT: string | undefined = /^[0-9a-f]{40}$/.test(ARCHIVED_COMMIT)
  ? ARCHIVED_COMMIT
  : undefined;
/** Versions of the programs around it that the tests and captures are from. */
export const TESTED = {
  vllm: ["0.11.0", "0.32.0", "0.33.0"],
  fluentBit: ["5.1.1"],
  parseable: ["2.9.5"],
} as const;
