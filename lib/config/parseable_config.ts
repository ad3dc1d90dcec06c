/** Parseable and how to reach it, read from the `PARSEABLE_*` settings. */

import { parseBaseUrl } from "./base_url.ts";
import { parseCertificates } from "./pem.ts";
import { PARSEABLE_TIMEOUT_RANGE } from "./ranges.ts";
import type { SettingReader } from "./setting_reader.ts";
import { parseStreamName } from "./stream_name.ts";
import { warnOfTls } from "./tls_warnings.ts";
import { parseBoolean, parseDuration } from "./values.ts";

/** How to reach Parseable over TLS. */
export interface ParseableTls {
  /** PEM text of authorities to trust besides the usual ones. */
  readonly caCerts?: string;
  /** Whether any certificate of the server is taken. */
  readonly skipVerify: boolean;
}

/** Parseable, and the stream in it. */
export interface ParseableConfig {
  /** Its base URL, without credentials. Do not change it. */
  readonly url: URL;
  /** The stream with the metrics. */
  readonly stream: string;
  /** Longest wait for an answer, in milliseconds. */
  readonly timeoutMs: number;
  /** How to reach it when the URL is `https:`. */
  readonly tls: ParseableTls;
}

function readTls(reader: SettingReader): ParseableTls {
  const caCerts = reader.file("PARSEABLE_TLS_CA_FILE", parseCertificates);
  const skipVerify = reader.plain("PARSEABLE_TLS_INSECURE_SKIP_VERIFY", parseBoolean) ?? false;
  return Object.freeze({ ...(caCerts === undefined ? {} : { caCerts }), skipVerify });
}

/**
 * Reads where Parseable is. Mistakes count also when PARSEABLE_URL is not set.
 *
 * @param reader Gives the settings, and takes mistakes and warnings.
 * @returns The frozen configuration; undefined when PARSEABLE_URL is not set, and after some of
 *   the mistakes.
 */
export function readParseable(reader: SettingReader): ParseableConfig | undefined {
  const url = reader.plain("PARSEABLE_URL", parseBaseUrl);
  const stream = reader.plain("PARSEABLE_STREAM", parseStreamName);
  const timeoutMs = reader.plain(
    "PARSEABLE_TIMEOUT",
    (text) => parseDuration(text, PARSEABLE_TIMEOUT_RANGE),
  );
  const tls = readTls(reader);
  if (!reader.isSet("PARSEABLE_URL")) return undefined;
  warnOfTls(reader, {
    server: "Parseable",
    urlName: "PARSEABLE_URL",
    url,
    prefix: "PARSEABLE_TLS",
    tls,
  });
  if (url === undefined || stream === undefined || timeoutMs === undefined) return undefined;
  return Object.freeze({ url, stream, timeoutMs, tls });
}
