/** The version of the service, as `deno.json` has it. */

import config from "../deno.json" with { type: "json" };

/** A semantic version, such as `0.1.0`. */
export const VERSION: string = config.version;
