/** `vllm-metrics provision`: puts dashboards, alerts and retention into Parseable. */

import { parseContent, parseProvision, type ProvisionConfig } from "../config/provision_config.ts";
import { parseDuration } from "../config/values.ts";
import { MetricsError } from "../errors.ts";
import { ParseableApi } from "../parseable/api.ts";
import { alerts } from "../parseable/content/alerts.ts";
import { dashboards } from "../parseable/content/dashboards.ts";
import { provision as provisionParseable, shipperEnv } from "../parseable/provision.ts";
import { Report } from "../parseable/run.ts";
import { type Arguments, type Command, command } from "./command.ts";
import { configureWith } from "./configure.ts";
import { parseableFiles, writeFiles } from "./export.ts";
import { EXIT, type Host } from "./host.ts";

/** Range of `--wait`. */
const WAIT_RANGE = { min: "1s", max: "1h", example: "60s" } as const;
/** Names that Parseable 2.9.5 accepts for users and roles. */
const SHIPPER_NAMES = /^(?=.{3,64}$)[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;

interface Options {
  readonly isDryRun: boolean;
  readonly isForced: boolean;
  readonly waitMs: number;
  readonly exportTo: string | undefined;
  readonly shipper: string | undefined;
}

function readOptions(args: Arguments): Options {
  const wait = args.get("wait");
  const shipper = args.get("shipper-user");
  if (shipper !== undefined && !SHIPPER_NAMES.test(shipper)) {
    args.mistakes.push(
      `--shipper-user: cannot use "${shipper}": Parseable takes 3 to 64 letters and digits, ` +
        'with single "-", "_" and "." between them.',
    );
  }
  const waited = wait === undefined ? undefined : parseDuration(wait, WAIT_RANGE);
  if (waited?.ok === false) args.mistakes.push(`--wait: cannot use "${wait}": ${waited.problem}`);
  return {
    isDryRun: args.has("dry-run"),
    isForced: args.has("force"),
    waitMs: waited?.ok ? waited.value : 0,
    exportTo: args.text("export"),
    shipper,
  };
}

async function run(host: Host, config: ProvisionConfig, options: Options): Promise<number> {
  const { parseable, credentials, content, webhook } = config;
  const secrets = [credentials[1], ...(webhook === undefined ? [] : [webhook])];
  using api = new ParseableApi({ parseable, credentials, secrets });
  if (options.waitMs > 0) await api.untilReady({ waitMs: options.waitMs, now: host.now });
  const report = new Report({ isDryRun: options.isDryRun, print: host.print });
  const password = await provisionParseable(api, {
    config,
    content: { dashboards: dashboards(content), alerts: alerts(content) },
    isForced: options.isForced,
    shipper: options.shipper,
    report,
    nowMs: host.now(),
  });
  host.print(report.summary());
  if (webhook === undefined) {
    host.print("ALERT_WEBHOOK_URL is not set: new alerts show in Parseable only.\n");
  }
  if (password !== undefined && options.shipper !== undefined) {
    host.print(
      `\n# For fluent-bit.env: may only write to the stream "${parseable.stream}". Shown this ` +
        `once.\n${shipperEnv(options.shipper, password)}`,
    );
  }
  return report.hasFailed ? EXIT.failed : EXIT.ok;
}

/** Creates and updates what Parseable should have. */
export const provision: Command = command(
  {
    name: "provision",
    summary: "put dashboards, alerts and retention into Parseable",
    details: "Repeating it changes nothing. What was edited by hand is kept.",
    options: [
      { name: "dry-run", meaning: "print what would change" },
      { name: "wait", value: "DURATION", meaning: "wait for Parseable to be ready, such as 60s" },
      { name: "force", meaning: "replace what was edited by hand" },
      { name: "export", value: "DIR", meaning: "write the JSON files to DIR and do nothing else" },
      {
        name: "shipper-user",
        value: "[NAME]",
        whenBare: "vllm-shipper",
        meaning: "create a user that may only write to the stream",
      },
    ],
    exit: "0, 1 something failed",
    settings: "PARSEABLE_URL, PARSEABLE_STREAM, P_USERNAME, P_PASSWORD, PARSEABLE_API_KEY, " +
      "PARSEABLE_RETENTION, SLO_TTFT, SLO_TPOT, SLO_TARGET, ALERT_KV_LIMIT, ALERT_WEBHOOK_URL, " +
      "PARSEABLE_TIMEOUT, PARSEABLE_TLS_CA_FILE, PARSEABLE_TLS_INSECURE_SKIP_VERIFY",
  },
  readOptions,
  async (host, options) => {
    if (options.exportTo !== undefined) {
      const settings = configureWith(host, parseContent);
      if (settings === undefined) return EXIT.badConfig;
      return writeFiles(host, "provision", options.exportTo, parseableFiles(settings));
    }
    const config = configureWith(host, parseProvision, true);
    if (config === undefined) return EXIT.badConfig;
    try {
      return await run(host, config, options);
    } catch (error) {
      if (!(error instanceof MetricsError)) throw error;
      host.printError(`vllm-metrics provision: ${error.sentence}\n`);
      return EXIT.failed;
    }
  },
);
