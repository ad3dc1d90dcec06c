/** The header fields of each request. */

import type { Secret } from "../config/secret.ts";
import { MetricsError } from "../errors.ts";
import { VERSION } from "../version.ts";

/** What is sent unless the configuration says otherwise. */
const DEFAULTS: ReadonlyArray<readonly [string, string]> = [
  ["accept", "text/plain;version=0.0.4;q=1, */*;q=0.1"],
  ["user-agent", `vllm-metrics/${VERSION}`],
];

/**
 * Puts the header fields of a request together.
 *
 * @param configured Credentials and the fields of the operator; they win.
 * @returns The fields.
 * @throws {MetricsError} When a field is not fit for HTTP; the message names it, not its value.
 */
export function requestHeaders(
  configured: ReadonlyArray<readonly [string, Secret]>,
): Headers {
  const headers = new Headers();
  for (const [name, value] of configured) {
    try {
      headers.append(name, value.reveal());
    } catch {
      // What was thrown holds the value, and the value may be a secret.
      throw new MetricsError(
        "CONFIG_INVALID",
        `Cannot send the header field ${
          JSON.stringify(name)
        }: its name or value is not fit for HTTP`,
      );
    }
  }
  for (const [name, value] of DEFAULTS) {
    if (!headers.has(name)) headers.set(name, value);
  }
  // Always: compressing costs vLLM more than the bytes cost the network, and bytes are edited here.
  headers.set("accept-encoding", "identity");
  return headers;
}
