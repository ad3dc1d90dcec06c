/** `vllm-metrics help`: the commands and the settings. */

import { helpTable } from "../config/settings.ts";
import { SCENARIO_NAMES } from "../demo/scenario.ts";
import { EXIT, type Host } from "./host.ts";

/** The text of `help`. */
export function helpText(): string {
  return `vllm-metrics makes vLLM's metrics readable for Prometheus, Fluent Bit and
others.

Usage: vllm-metrics [command]

Commands:
  serve         run the service (this is what happens without a command)
  demo          run the service on a simulated vLLM, without any setting;
                --scenario ${SCENARIO_NAMES.join("|")},
                --servers, --engines, --openmetrics, --seed
  sanitize      standard input to standard output, as /metrics does it;
                --openmetrics says what the input is
  top           what the live page shows, in the terminal; --once, --json,
                --window 5m, --model, --engine, --instance, --url
  check         walk the way of the data and say which hop is broken;
                --json, --watch
  healthcheck   ask the running service; 0 when it is ready, 1 when not
  provision     put dashboards, alerts and retention into Parseable
                  --dry-run               say what it would do
                  --wait 60s              wait until Parseable is ready
                  --force                 replace what was edited by hand
                  --export DIR            write the JSON to files, and no more
                  --shipper-user [NAME]   make a user that may only write
  version       print the version
  help          print this text

Settings, from the environment or a file .env; [...] is the default. Each
secret can come from a file: NAME_FILE names it.

${helpTable()}`;
}

/** Prints the text. */
export function help(host: Host): number {
  host.print(helpText());
  return EXIT.ok;
}
