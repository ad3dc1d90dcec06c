/** Reads what is sent with each request: headers, tokens, user names and passwords. */

import { accept, type Parsed, refuse } from "./values.ts";
import { Secret } from "./secret.ts";

/** A header to send: its name and its value. */
export type Header = readonly [string, Secret];

/**
 * Headers that belong to one connection (RFC 9110, section 7.6.1, and the two of
 * RFC 2616, section 13.5.1) or that the scrape itself sets.
 */
const RESERVED_HEADERS = new Set([
  "accept",
  "accept-encoding",
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** RFC 9110, section 5.6.2. */
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110, section 5.5, without the bytes beyond ASCII that no two servers read alike. */
const HEADER_VALUE = /^[\t\x20-\x7e]+$/;

/** Reads a bearer token. */
export function parseToken(text: string): Parsed<Secret> {
  if (/^[\x21-\x7e]+$/.test(text)) return accept(new Secret(text));
  return refuse(
    `it is not printable ASCII without spaces. Give the token alone, without "Bearer".`,
  );
}

/** Reads a user name for Basic authentication (RFC 7617, section 2). */
export function parseUsername(text: string): Parsed<Secret> {
  if (!text.includes(":")) return parsePassword(text);
  return refuse(`it has a ":" in it. Give a user name without ":" and without line ends.`);
}

/** Reads a password for Basic authentication (RFC 7617, section 2). */
export function parsePassword(text: string): Parsed<Secret> {
  if (!/\p{Cc}/u.test(text)) return accept(new Secret(text));
  return refuse("it has a control character in it. Give it without line ends and tabs.");
}

/** Makes the header of Basic authentication (RFC 7617, section 2). */
export function basicAuthorization(username: Secret, password: Secret): Header {
  const pair = new TextEncoder().encode(`${username.reveal()}:${password.reveal()}`);
  return Object.freeze(["Authorization", new Secret(`Basic ${pair.toBase64()}`)] as const);
}

function headerProblem(name: string, value: string, seen: ReadonlySet<string>): string | undefined {
  if (!HEADER_NAME.test(name)) return "has a name that no header can have";
  if (RESERVED_HEADERS.has(name.toLowerCase())) {
    return `is "${name.toLowerCase()}", which cannot be set`;
  }
  if (seen.has(name.toLowerCase())) return "has the name of an earlier one";
  if (value === "") return "has no value";
  if (!HEADER_VALUE.test(value)) return "has a value that is not printable ASCII";
  return undefined;
}

/**
 * Reads headers as HTTP writes them, one `Name: value` a line. The two characters
 * `\n` end a line as well, for env files whose values have one line only.
 */
export function parseHeaders(text: string): Parsed<readonly Header[]> {
  const want = `Write "Name: value", one header a line or "\\n" between them.`;
  const headers: Header[] = [];
  const seen = new Set<string>();
  for (const line of text.split(/\r?\n|\\n/)) {
    if (line.trim() === "") continue;
    const colon = line.indexOf(":");
    const which = `header ${headers.length + 1}`;
    if (colon < 0) return refuse(`${which} has no ":". ${want}`);
    const name = line.slice(0, colon).trimStart();
    const value = line.slice(colon + 1).trim();
    const problem = headerProblem(name, value, seen);
    if (problem !== undefined) return refuse(`${which} ${problem}. ${want}`);
    seen.add(name.toLowerCase());
    headers.push(Object.freeze([name, new Secret(value)] as const));
  }
  return headers.length > 0
    ? accept(Object.freeze(headers))
    : refuse(`no header is in it. ${want}`);
}

/** Reads `key=value` pairs with commas between them and percent-encoded values, as OpenTelemetry has them. */
export function parsePairs(text: string): Parsed<readonly (readonly [string, string])[]> {
  const want = 'Write "key=value,key=value", with "%20" and the like for special characters.';
  const pairs: (readonly [string, string])[] = [];
  for (const part of text.split(",").filter((each) => each.trim() !== "")) {
    const [key = "", ...rest] = part.split("=");
    const which = `pair ${pairs.length + 1}`;
    if (key.trim() === "" || rest.length === 0) return refuse(`${which} is no key=value. ${want}`);
    try {
      const value = decodeURIComponent(rest.join("=").trim());
      pairs.push([decodeURIComponent(key.trim()), value]);
    } catch {
      return refuse(`${which} has a stray "%". Write "%25" for it.`);
    }
  }
  return accept(pairs);
}

/** Reads headers as OpenTelemetry writes them. */
export function parseHeaderPairs(text: string): Parsed<readonly Header[]> {
  const pairs = parsePairs(text);
  if (!pairs.ok) return pairs;
  const seen = new Set<string>();
  for (const [name, value] of pairs.value) {
    const problem = headerProblem(name, value, seen);
    if (problem !== undefined) return refuse(`header ${seen.size + 1} ${problem}.`);
    seen.add(name.toLowerCase());
  }
  return accept(pairs.value.map(([name, value]) => [name, new Secret(value)] as const));
}

/** Reads a URL that is a secret: no part of it is in the problem. */
export function parseWebhook(text: string): Parsed<Secret> {
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return accept(new Secret(url.href));
  return refuse('it is no URL. Write one that begins with "https://" or "http://".');
}
