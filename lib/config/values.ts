/**
 * Reads the text of one setting: each parser gives the value, or says what is
 * wrong and what is allowed. No problem text holds any part of a secret.
 */

import { Secret } from "./secret.ts";

/**
 * A value, or a problem that completes the sentence `cannot use "…": ` with what
 * is wrong and what is allowed.
 */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

/** The smallest and largest value allowed, and one for the message, as one would write them. */
export interface Range {
  /** Smallest value. */
  readonly min: string;
  /** Largest value. */
  readonly max: string;
  /** A sensible value. */
  readonly example: string;
}

/** Where to listen. */
export interface Address {
  /** A host name or an IP address, an IPv6 one without its brackets. */
  readonly hostname: string;
  /** 0 to 65535; 0 lets the system choose. */
  readonly port: number;
}

/** A URL without its credentials, and those. */
export interface UrlWithCredentials {
  /** Always `http:` or `https:`, with a path, without credentials and fragment. */
  readonly url: URL;
  /** Undefined when the URL had none. */
  readonly credentials: { readonly username: Secret; readonly password: Secret } | undefined;
}

/** A header to send: its name and its value. */
export type Header = readonly [string, Secret];

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

const EXAMPLE_URL = "http://localhost:8000/metrics";

/** Longest text that is mended into an example, in characters. */
const MAX_MEANT = 200;

/** vLLM's own path, for a URL that names only the server. */
const DEFAULT_PATH = "/metrics";

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

function accept<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

function refuse(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}

/** The number in `10MiB` times what its unit stands for; undefined for any other text. */
function inUnits(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text) ?? [];
  if (digits === undefined || !Object.hasOwn(units, unit.toLowerCase())) return undefined;
  return Math.round(Number(digits) * (units[unit.toLowerCase()] ?? 0));
}

/** What is wrong with a number outside the range; undefined when it is inside. */
function outside(
  value: number,
  range: Range,
  units: Readonly<Record<string, number>>,
): string | undefined {
  if (value < (inUnits(range.min, units) ?? 0)) return `it is less than ${range.min}`;
  if (value > (inUnits(range.max, units) ?? Infinity)) return `it is more than ${range.max}`;
  return undefined;
}

/**
 * Reads a duration such as `500ms`, `2s` or `1m`.
 *
 * @param text What was written.
 * @param range What is allowed.
 * @returns The duration in milliseconds.
 */
export function parseDuration(text: string, range: Range): Parsed<number> {
  const want = `Write a duration from ${range.min} to ${range.max}, such as "${range.example}".`;
  const value = inUnits(text, DURATION_UNITS);
  if (value === undefined) {
    const what = /^[\d.]+$/.test(text) ? "it has no unit" : "it is not a duration";
    return refuse(`${what}. ${want}`);
  }
  const wrong = outside(value, range, DURATION_UNITS);
  return wrong === undefined ? accept(value) : refuse(`${wrong}. ${want}`);
}

/**
 * Reads a size such as `65536`, `64KiB`, `10MiB` or `10MB`.
 *
 * @param text What was written.
 * @param range What is allowed.
 * @returns The size in bytes.
 */
export function parseBytes(text: string, range: Range): Parsed<number> {
  const value = inUnits(text, SIZE_UNITS);
  const wrong = value === undefined
    ? "it is not a size in bytes"
    : outside(value, range, SIZE_UNITS);
  if (value !== undefined && wrong === undefined) return accept(value);
  return refuse(
    `${wrong}. Write a size from ${range.min} to ${range.max}, such as "${range.example}".`,
  );
}

/**
 * Reads `true`, `false`, `1` or `0`.
 *
 * @param text What was written, in any case.
 * @returns The boolean.
 */
export function parseBoolean(text: string): Parsed<boolean> {
  const word = text.toLowerCase();
  if (word === "true" || word === "1") return accept(true);
  if (word === "false" || word === "0") return accept(false);
  return refuse(`it is neither true nor false. Write "true" or "false".`);
}

/**
 * Reads one of a few words.
 *
 * @param text What was written, in any case.
 * @param words What is allowed, in lower case.
 * @returns The word.
 */
export function parseChoice<T extends string>(text: string, words: readonly T[]): Parsed<T> {
  const found = words.find((word) => word === text.toLowerCase());
  if (found !== undefined) return accept(found);
  const allowed = words.map((word) => `"${word}"`).join(", ");
  return refuse(`it is not one of the words. Write one of ${allowed}.`);
}

/**
 * Reads an address to listen on: `0.0.0.0:9090`, `[::]:9090`, `localhost:9090`, or
 * `:9090` for all IPv4 addresses.
 *
 * @param text What was written.
 * @returns The host name and the port.
 */
export function parseAddress(text: string): Parsed<Address> {
  const [, host, digits = ""] = /^(\[[^\]]*\]|[^:]*):([^:]*)$/.exec(text) ?? [];
  if (host === undefined) return refuse(addressProblem(text));
  const port = Number(digits);
  if (!/^\d{1,5}$/.test(digits) || port > 65_535) {
    return refuse('its port is no number from 0 to 65535. Write it as in "0.0.0.0:9090".');
  }
  if (host === "") return accept({ hostname: "0.0.0.0", port });
  const hostname = URL.parse(`http://${host}/`)?.hostname;
  // The URL parser rewrites what is no plain name or address: "1.2" to "1.0.0.2".
  if (hostname === undefined || (!host.startsWith("[") && hostname !== host.toLowerCase())) {
    return refuse('its host is no name and no address. Write it as in "0.0.0.0:9090".');
  }
  return accept({ hostname: hostname.replace(/^\[(.*)\]$/, "$1"), port });
}

/** What is wrong with an address that does not have the form `host:port`. */
function addressProblem(text: string): string {
  const isIpv6 = (host: string): boolean => URL.canParse(`http://[${host}]/`);
  if (text.includes("://")) return `it is a URL. Write host and port, as in "0.0.0.0:9090".`;
  if (/^\d{1,5}$/.test(text)) return `it has no host. Write "0.0.0.0:${text}".`;
  const [, host = "", port] = /^(.*):(\d{2,5})$/.exec(text) ?? [];
  if (isIpv6(host)) return `an IPv6 address stands in brackets. Write "[${host}]:${port}".`;
  if (isIpv6(text)) return `it has no brackets and no port. Write "[${text}]:9090".`;
  const isHost = /^(?:[\w.-]+|\[[^\]]*\])$/.test(text) && URL.canParse(`http://${text}/`);
  const meant = isHost ? text : "0.0.0.0";
  return `it has no port. Write host and port, as in "${meant}:9090".`;
}

/** A URL that shows no credentials and no query values in JSON and in `Deno.inspect()`. */
class UpstreamUrl extends URL {
  override toJSON(): string {
    return maskUrl(this);
  }

  [Symbol.for("Deno.customInspect")](): string {
    return maskUrl(this);
  }
}

function isHttp(url: URL): boolean {
  return url.protocol === "http:" || url.protocol === "https:";
}

/**
 * Tells whether an `@` follows the host. A password with a bare `/`, `?` or `#`
 * gives such a URL (`http://user:1/2@host` is path `/2@host` on host `user`), so
 * it is not safe to show, nor is it what was meant.
 */
function hasLateAt(url: URL): boolean {
  return `${url.pathname}${url.search}${url.hash}`.includes("@");
}

/** Masks what cannot be told apart with certainty: rather too much than too little. */
function maskText(text: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? "";
  const rest = text.slice(scheme.length);
  const at = rest.lastIndexOf("@");
  const query = rest.search(/[?#]/);
  if (query < 0) return at < 0 ? text : `${scheme}***@${rest.slice(at + 1)}`;
  return at < 0 ? `${scheme}${rest.slice(0, query + 1)}***` : `${scheme}***`;
}

/**
 * Writes a URL so that people may see it: credentials and query values become
 * `***`, the fragment goes. Takes any text, a URL or not.
 *
 * @param url A URL, or what was written in its place.
 * @returns The text without its secrets.
 */
export function maskUrl(url: string | URL): string {
  const text = String(url);
  if (!/[@?#]/.test(text)) return text;
  const parsed = URL.parse(text);
  if (parsed === null || !isHttp(parsed) || hasLateAt(parsed)) return maskText(text);
  const userinfo = parsed.username === "" && parsed.password === "" ? "" : "***@";
  const query = parsed.search.replace(/([?&][^=&]*=)[^&]*|([?&])[^=&]+/g, "$1$2***");
  return `${parsed.protocol}//${userinfo}${parsed.host}${parsed.pathname}${query}`;
}

function withPath(url: URL): URL {
  if (url.pathname === "/") url.pathname = DEFAULT_PATH;
  return url;
}

/** The URL that was probably meant, fit for a message. */
function meantUrl(text: string): string {
  const url = URL.parse(text);
  if (text.length > MAX_MEANT) return EXAMPLE_URL;
  return url === null || hasLateAt(url) ? EXAMPLE_URL : maskUrl(withPath(url));
}

/** What is wrong with the beginning of a URL; undefined when it is `http://…` or `https://…`. */
function schemeProblem(text: string): string | undefined {
  const [, scheme, rest = ""] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text) ?? [];
  if (scheme === undefined) {
    const [, named = "http", after = ""] = /^(?:(https?):)?\/*(.*)$/i.exec(text) ?? [];
    const wrong = /^https?:/i.test(text)
      ? `it has no "//" after "${named.toLowerCase()}:"`
      : "it has no scheme";
    return `${wrong}. Write "${meantUrl(`${named}://${after}`)}".`;
  }
  if (/^https?$/i.test(scheme)) return undefined;
  return `its scheme is neither http nor https. Write "${meantUrl(`http://${rest}`)}".`;
}

/** Takes percent encoding off; undefined when it is broken. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function urlCredentials(url: URL): Parsed<UrlWithCredentials["credentials"]> {
  if (url.username === "" && url.password === "") return accept(undefined);
  const name = decoded(url.username);
  const word = decoded(url.password);
  if (name === undefined || word === undefined) {
    return refuse(`its credentials have a stray "%". Write "%25" for it.`);
  }
  const username = parseUsername(name);
  const password = parsePassword(word);
  if (!username.ok) return refuse(`as to its user name, ${username.problem}`);
  if (!password.ok) return refuse(`as to its password, ${password.problem}`);
  return accept({ username: username.value, password: password.value });
}

/**
 * Reads an `http` or `https` URL. Without a path it gets `/metrics`; credentials
 * are taken out of it; the fragment goes.
 *
 * @param text What was written.
 * @returns The URL, and the credentials that were in it.
 */
export function parseUrl(text: string): Parsed<UrlWithCredentials> {
  if (/[\s\p{Cc}]/u.test(text)) {
    return refuse(`it has white space in it. Write one URL, such as "${EXAMPLE_URL}".`);
  }
  const problem = schemeProblem(text);
  if (problem !== undefined) return refuse(problem);
  // The URL parser would take "http:///path" for host "path".
  if (!URL.canParse(text) || /^[a-z]+:\/\/[/\\?#]/i.test(text)) {
    return refuse(`it is not a valid URL. Write it as in "${EXAMPLE_URL}".`);
  }
  const url = new UpstreamUrl(text);
  if (hasLateAt(url)) {
    return refuse(
      `it has an "@" after its host. Write "%40" for "@", and in a user name or password also ` +
        `"%2F" for "/", "%3F" for "?" and "%23" for "#".`,
    );
  }
  if (url.pathname.includes("://")) {
    return refuse(`it is more than one URL. Write one, such as "${EXAMPLE_URL}".`);
  }
  const credentials = urlCredentials(url);
  if (!credentials.ok) return credentials;
  url.username = "";
  url.password = "";
  url.hash = "";
  return accept({ url: withPath(url), credentials: credentials.value });
}

/**
 * Reads a bearer token.
 *
 * @param text The token alone.
 * @returns The token.
 */
export function parseToken(text: string): Parsed<Secret> {
  if (/^[\x21-\x7e]+$/.test(text)) return accept(new Secret(text));
  return refuse(
    `it is not printable ASCII without spaces. Give the token alone, without "Bearer".`,
  );
}

/**
 * Reads a user name for Basic authentication (RFC 7617, section 2).
 *
 * @param text The user name.
 * @returns The user name.
 */
export function parseUsername(text: string): Parsed<Secret> {
  if (!text.includes(":")) return parsePassword(text);
  return refuse(`it has a ":" in it. Give a user name without ":" and without line ends.`);
}

/**
 * Reads a password for Basic authentication (RFC 7617, section 2).
 *
 * @param text The password.
 * @returns The password.
 */
export function parsePassword(text: string): Parsed<Secret> {
  if (!/\p{Cc}/u.test(text)) return accept(new Secret(text));
  return refuse("it has a control character in it. Give it without line ends and tabs.");
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
 *
 * @param text What was written.
 * @returns The headers in order, at least one, no name twice.
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

/**
 * Checks that a text is a PEM file with certificates.
 *
 * @param text The text of the file.
 * @returns The same text.
 */
export function parseCertificates(text: string): Parsed<string> {
  if (/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.test(text)) return accept(text);
  return refuse(`no certificate is in it. Give a PEM file with "-----BEGIN CERTIFICATE-----".`);
}

/**
 * Checks that a text is a PEM file with a private key that needs no passphrase.
 *
 * @param text The text of the file.
 * @returns The same text.
 */
export function parsePrivateKey(text: string): Parsed<Secret> {
  if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(text)) {
    return refuse("its key has a passphrase. Give a PEM file with a key that has none.");
  }
  if (/-----BEGIN (?:RSA |EC )?PRIVATE KEY-----[^-]+-----END/.test(text)) {
    return accept(new Secret(text));
  }
  return refuse(`no private key is in it. Give a PEM file with "-----BEGIN PRIVATE KEY-----".`);
}
