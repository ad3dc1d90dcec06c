/** `/etc/default/vllm-metrics`: every setting as a comment, for systemd. */

/** What this and the man page need of a setting. */
export interface SettingEntry {
  /** The variable. */
  readonly name: string;
  /** Empty when there is none. */
  readonly defaultText: string;
  /** Whether `NAME_FILE` can name a file with the value. */
  readonly secret: boolean;
  /** How the value is written. */
  readonly form: string;
  /** One sentence. */
  readonly meaning: string;
}

/** Where systemd shows the service the files of `/etc/vllm-metrics/secrets`. */
const SECRETS = "/run/credentials/vllm-metrics.service/secret_";

function lines({ name, defaultText, secret, form, meaning }: SettingEntry): string {
  const value = secret ? `${name}_FILE=${SECRETS}${name}` : `${name}=${defaultText}`;
  return `\n# ${meaning} (${form})\n#${value}\n`;
}

/**
 * Writes the file.
 *
 * @param settings The settings.
 * @returns Its text.
 */
export function defaultsFile(settings: readonly SettingEntry[]): string {
  return `# Settings of the systemd service vllm-metrics; see vllm-metrics(1). After a change:
#   systemctl restart vllm-metrics
#
# Secrets: write each into a file of its own, readable by root only, and remove the # from its line
# below. A private key for TLS_KEY_FILE works the same way.
#   install -m 600 /dev/stdin /etc/vllm-metrics/secrets/VLLM_BEARER_TOKEN

HISTORY_FILE=/var/lib/vllm-metrics/history.db
${settings.filter(({ name }) => name !== "HISTORY_FILE").map(lines).join("")}`;
}
