/** `/etc/default/vllm-metrics`: every setting as a comment, for systemd. */

import type { SETTING_ROWS } from "../lib/config/settings.ts";

/** A setting with its name. */
export type SettingRow = typeof SETTING_ROWS[number];

/** Where systemd shows the service the files of `/etc/vllm-metrics/secrets`. */
const SECRETS = "/run/credentials/vllm-metrics.service/secret_";

function lines([name, { kind, defaultText, form, meaning }]: SettingRow): string {
  const secret = `${SECRETS}${name}`;
  const assignment = kind === "secret"
    ? `${name}_FILE=${secret}`
    : `${name}=${kind === "file" ? secret : defaultText}`;
  return `\n# ${meaning} (${form})\n#${assignment}\n`;
}

/** Writes the file. */
export function defaultsFile(settings: readonly SettingRow[]): string {
  return `# Settings of the systemd service vllm-metrics; see vllm-metrics(1). After a change:
#   systemctl restart vllm-metrics
#
# Secrets, keys and certificates: write each into a file of its own, readable by root only, and remove
# the # from its line below.
#   install -m 600 /dev/stdin /etc/vllm-metrics/secrets/VLLM_BEARER_TOKEN

HISTORY_FILE=/var/lib/vllm-metrics/history.db
${settings.filter(([name]) => name !== "HISTORY_FILE").map(lines).join("")}`;
}
