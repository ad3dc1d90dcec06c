/** Warns of TLS settings that do nothing, or too much. */

import type { SettingReader } from "./setting_reader.ts";

/** A server, and how TLS is set for it. */
export interface TlsUse {
  /** How people call the server. */
  readonly server: string;
  /** The setting with its URL. */
  readonly urlName: string;
  /** Its URL; undefined after a mistake. */
  readonly url: URL | undefined;
  /** How the names of its TLS settings begin. */
  readonly prefix: string;
  /** What they say. */
  readonly tls: {
    readonly caCerts?: string;
    readonly cert?: string;
    readonly skipVerify: boolean;
  };
}

/**
 * Warns of TLS settings for a URL that is not `https:`, and of certificates that nobody checks.
 *
 * @param reader Takes the warnings.
 * @param use The server.
 */
export function warnOfTls(reader: SettingReader, use: TlsUse): void {
  const { server, urlName, url, prefix, tls } = use;
  const settings: [string, boolean][] = [
    [`${prefix}_CA_FILE`, tls.caCerts !== undefined],
    [`${prefix}_CERT_FILE`, tls.cert !== undefined],
    [`${prefix}_INSECURE_SKIP_VERIFY`, tls.skipVerify],
  ];
  if (url?.protocol === "http:") {
    for (const [name, isUsed] of settings) {
      if (isUsed) reader.warn(name, `has no effect, since ${urlName} is not "https:".`);
    }
  } else if (tls.skipVerify) {
    reader.warn(
      `${prefix}_INSECURE_SKIP_VERIFY`,
      `no certificate of ${server} is checked, so whoever is on the way can listen in. ` +
        `Set ${prefix}_CA_FILE in its place.`,
    );
  }
}
