/** `vllm-metrics version`. */

import { COMMIT, TESTED, VERSION } from "../version.ts";
import { Arguments } from "./arguments.ts";
import { EXIT, type Host } from "./host.ts";

/** Prints the version. */
export function version(host: Host): number {
  const args = new Arguments("version", host.args);
  if (args.refuse(host)) return EXIT.badConfig;
  host.print(
    args.has("json")
      ? `${
        JSON.stringify({
          version: VERSION,
          commit: COMMIT ?? null,
          runtime: host.runtime,
          tested: TESTED,
        })
      }\n`
      : `vllm-metrics ${VERSION}\n`,
  );
  return EXIT.ok;
}
