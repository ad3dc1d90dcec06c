/** The header fields that go on to Parseable: the caller's credentials and wishes, nothing else. */

/** Fields of the caller's authority. The relay has none of its own. */
const CREDENTIALS: readonly string[] = ["authorization", "x-api-key"];

/** `admin:admin`, Parseable's credentials out of the box, as Basic credentials (RFC 7617). */
const DEFAULT_CREDENTIALS = "Basic YWRtaW46YWRtaW4=";

/**
 * Puts together the fields of the request to Parseable.
 *
 * @param from The fields of the caller's request.
 * @param stream The stream for callers that name none.
 * @returns `Authorization`, `X-API-Key` and `X-P-*` of the caller, with the stream and the log
 *   source where it sent none or an empty one, and the one Content-Type that Parseable takes.
 */
export function forwardHeaders(from: Headers, stream: string): Headers {
  const headers = new Headers({
    "content-type": "application/json",
    "x-p-stream": stream,
    "x-p-log-source": "otel-metrics",
  });
  for (const [name, value] of from) {
    if (value === "") continue;
    if (CREDENTIALS.includes(name) || name.startsWith("x-p-")) headers.set(name, value);
  }
  return headers;
}

/** Tells whether a caller sends credentials, of whatever kind. */
export function hasCredentials(headers: Headers): boolean {
  return CREDENTIALS.some((name) => (headers.get(name) ?? "") !== "");
}

/** Tells whether a caller uses the credentials that everybody knows. */
export function hasDefaultCredentials(headers: Headers): boolean {
  return headers.get("authorization") === DEFAULT_CREDENTIALS;
}
