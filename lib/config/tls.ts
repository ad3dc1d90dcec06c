/** TLS settings of connections to vLLM and Parseable. */

import type { Secret } from "./secret.ts";
import type { SettingReader } from "./setting_reader.ts";

/** How TLS connections to a server are made. */
export interface TlsConfig {
  /** PEM text of authorities to trust besides the usual ones. */
  readonly caCerts?: string;
  /** PEM text of the client certificate; there is a key with it. */
  readonly cert?: string;
  /** PEM text of the private key of that certificate. */
  readonly key?: Secret;
  /** Whether to skip verification of the server. */
  readonly skipVerify: boolean;
}

/**
 * Reads them. Warns of those that have no effect, because the URL is not `https:`, and of
 * certificates that nobody verifies.
 */
export function readTls(
  reader: SettingReader,
  server: "vLLM" | "Parseable",
  url: URL | undefined,
): TlsConfig {
  const isVllm = server === "vLLM";
  const prefix = isVllm ? "VLLM_TLS" as const : "PARSEABLE_TLS" as const;
  const caCerts = reader.get(`${prefix}_CA_FILE`)?.text;
  const cert = isVllm ? reader.get("VLLM_TLS_CERT_FILE")?.text : undefined;
  const key = isVllm ? reader.get("VLLM_TLS_KEY_FILE")?.text : undefined;
  if (isVllm) reader.together("VLLM_TLS_CERT_FILE", "VLLM_TLS_KEY_FILE");
  const skipVerify = reader.get(`${prefix}_INSECURE_SKIP_VERIFY`) ?? false;
  if (url?.protocol === "http:") {
    const used = {
      CA_FILE: caCerts,
      CERT_FILE: cert,
      INSECURE_SKIP_VERIFY: skipVerify || undefined,
    };
    const urlName = isVllm ? "VLLM_METRICS_URL" : "PARSEABLE_URL";
    for (const [name, value] of Object.entries(used)) {
      if (value === undefined) continue;
      reader.warn(`${prefix}_${name}`, `has no effect, since ${urlName} is not "https:".`);
    }
  } else if (skipVerify && url !== undefined) {
    reader.warn(
      `${prefix}_INSECURE_SKIP_VERIFY`,
      `no certificate of ${server} is checked, so whoever is on the way can listen in. ` +
        `Set ${prefix}_CA_FILE in its place.`,
    );
  }
  return Object.freeze({
    ...(caCerts === undefined ? {} : { caCerts }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    skipVerify,
  });
}
