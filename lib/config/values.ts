/** Reads single values: durations, sizes, words, addresses, PEM files, credentials and headers. */

import { Secret } from "./secret.ts";

/**
 * A value, or a problem that completes the sentence `cannot use "…": ` with what
 * is wrong and what is allowed.
 */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

/** Takes a value. */
export function accept<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

/** Refuses a text. */
export function refuse(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}

/** The smallest and largest value allowed, and a sensible one, as one would write them. */
export type Range = Readonly<Record<"min" | "max" | "example", string>>;

/** The same of whole numbers. */
export type CountRange = Readonly<Record<"min" | "max", number> & { example: string | number }>;

/** Where to listen. */
export interface Address {
  /** A host name or an IP address, an IPv6 one without its brackets. */
  readonly hostname: string;
  /** 0 to 65535; 0 lets the system choose. */
  readonly port: number;
}

type Units = Readonly<Record<string, number>>;
const DURATIONS: Units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BINARY: Units = { kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 };
const SIZES: Units = { "": 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, ...BINARY };

/** The number in `10MiB` times its unit; undefined for any other text. */
function inUnits(text: string, units: Units): number | undefined {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text) ?? [];
  if (digits === undefined || !Object.hasOwn(units, unit.toLowerCase())) return undefined;
  return Math.round(Number(digits) * (units[unit.toLowerCase()] ?? 0));
}

function parseAmount(text: string, { min, max, example }: Range, units: Units): Parsed<number> {
  const value = inUnits(text, units);
  const noun = units === SIZES ? "size" : "duration";
  let wrong = `it is not a ${noun}${units === SIZES ? " in bytes" : ""}`;
  if (value === undefined) {
    if (units === DURATIONS && /^[\d.]+$/.test(text)) wrong = "it has no unit";
  } else if (value < (inUnits(min, units) ?? 0)) wrong = `it is less than ${min}`;
  else if (value > (inUnits(max, units) ?? Infinity)) wrong = `it is more than ${max}`;
  else return accept(value);
  return refuse(`${wrong}. Write a ${noun} from ${min} to ${max}, such as "${example}".`);
}

/** Reads a duration such as `500ms`, `2s`, `1m` or `30d`. */
export function parseDuration(text: string, range: Range): Parsed<number> {
  return parseAmount(text, range, DURATIONS);
}

/** Reads a size such as `65536`, `64KiB`, `10MiB` or `10MB`. */
export function parseBytes(text: string, range: Range): Parsed<number> {
  return parseAmount(text, range, SIZES);
}

/** Reads a number of days such as `30d`. */
export function parseDays(text: string, { min, max, example }: CountRange): Parsed<number> {
  const days = Number(/^(\d+) ?d$/i.exec(text)?.[1] ?? NaN);
  if (days >= min && days <= max) return accept(days);
  return refuse(
    `it is not a number of days. Write ${min}d to ${max}d, such as "${example}".`,
  );
}

/** Reads a whole number. */
export function parseCount(text: string, { min, max, example }: CountRange): Parsed<number> {
  const count = /^\d+$/.test(text) ? Number(text) : NaN;
  if (count >= min && count <= max) return accept(count);
  return refuse(
    `it is not a whole number from ${min} to ${max}. Write one such as "${example}".`,
  );
}

/** Reads a share of a whole such as `0.9`. */
export function parseShare(text: string): Parsed<number> {
  const share = /^\d*\.\d+$/.test(text) ? Number(text) : NaN;
  if (share > 0 && share < 1) return accept(share);
  return refuse('it is no share above 0 and below 1. Write one such as "0.9".');
}

/** What a server costs per hour; that of all servers without a price of their own has no name. */
export type Price = { readonly server: string | undefined; readonly perHour: number };

/** Reads a price such as `2.5`, or `a=2.5` for the server `a`. */
export function parsePrice(text: string): Parsed<Price> {
  const [, server, amount = ""] = /^(?:(.+)=)?([^=]*)$/.exec(text) ?? [];
  const perHour = /^\d+(?:\.\d+)?$/.test(amount) ? Number(amount) : 0;
  if (perHour > 0 && perHour <= 1e6) return accept({ server, perHour });
  return refuse('it is no price above 0. Write one such as "2.5", or "a=2.5" for the server a.');
}

/** Reads `true`, `false`, `1` or `0`. */
export function parseBoolean(text: string): Parsed<boolean> {
  if (/^(?:true|1)$/i.test(text)) return accept(true);
  if (/^(?:false|0)$/i.test(text)) return accept(false);
  return refuse(`it is neither true nor false. Write "true" or "false".`);
}

/** Reads one of a few words. */
export function parseChoice<T extends string>(text: string, words: readonly T[]): Parsed<T> {
  const found = words.find((word) => word === text.toLowerCase());
  if (found !== undefined) return accept(found);
  const allowed = words.map((word) => `"${word}"`).join(", ");
  return refuse(`it is not one of the words. Write one of ${allowed}.`);
}

/**
 * Reads an address to listen on: `0.0.0.0:9090`, `[::]:9090`, `localhost:9090`, or
 * `:9090` for all IPv4 addresses.
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

/** Reads a host name that requests may be for, such as `metrics.example.com`. */
export function parseHostName(text: string): Parsed<string> {
  const name = text.toLowerCase();
  const want = 'Write a host name without scheme and port, such as "metrics.example.com".';
  if (name.includes("://")) return refuse(`it is a URL. ${want}`);
  if (/:\d+$/.test(name)) return refuse(`it has a port. ${want}`);
  if (URL.parse(`http://${name}/`)?.hostname === name) return accept(name);
  return refuse(`it is not a host name. ${want}`);
}

/** Reads the origin of a site, such as `https://grafana.example.com`. */
export function parseOrigin(text: string): Parsed<string> {
  const url = URL.parse(text);
  const isOrigin = url !== null && /^https?:$/.test(url.protocol) &&
    text.replace(/\/$/, "").toLowerCase() === url.origin;
  if (isOrigin) return accept(url.origin);
  return refuse('it is no origin. Write scheme and host, such as "https://grafana.example.com".');
}

/** What is wrong with an address that does not have the form `host:port`. */
function addressProblem(text: string): string {
  const isIpv6 = (host: string): boolean => URL.canParse(`http://[${host}]/`);
  if (text.includes("://")) return `it is a URL. Write host and port, as in "0.0.0.0:9090".`;
  if (/^\d{1,5}$/.test(text)) return `it has no host. Write "0.0.0.0:${text}".`;
  const [, host = "", port] = /^(.*):(\d{2,5})$/.exec(text) ?? [];
  if (isIpv6(host)) return `an IPv6 address needs brackets. Write "[${host}]:${port}".`;
  if (isIpv6(text)) return `it has no brackets and no port. Write "[${text}]:9090".`;
  const isHost = /^(?:[\w.-]+|\[[^\]]*\])$/.test(text) && URL.canParse(`http://${text}/`);
  const meant = isHost ? text : "0.0.0.0";
  return `it has no port. Write host and port, as in "${meant}:9090".`;
}

/** Names that Parseable v2.9.5 keeps: words of SQL, in lower case only, and one of its own. */
const RESERVED_NAMES =
  /^(?:select|from|where|group|by|order|limit|offset|join|and|sql|DEFAULT_TENANT)$/;

/**
 * Reads the name of a stream. Parseable takes letters beyond ASCII, but not in `X-P-Stream`, which
 * brings the name: it reads the field with `to_str().unwrap()`.
 */
export function parseStreamName(text: string): Parsed<string> {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) {
    return refuse(
      "it has a character that no stream can have in its name. " +
        'Write only letters from A to Z, digits, "-" and "_", as in "vLLMmetrics".',
    );
  }
  if (!RESERVED_NAMES.test(text)) return accept(text);
  return refuse('Parseable keeps that name for itself. Write another, such as "vLLMmetrics".');
}

/** Checks that a text is a PEM file with certificates. */
export function parseCertificates(text: string): Parsed<string> {
  if (/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.test(text)) return accept(text);
  return refuse(`no certificate is in it. Give a PEM file with "-----BEGIN CERTIFICATE-----".`);
}

/** Checks that a text is a PEM file with a private key that needs no passphrase. */
export function parsePrivateKey(text: string): Parsed<Secret> {
  if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(text)) {
    return refuse("its key has a passphrase. Give a PEM file with a key that has none.");
  }
  if (/-----BEGIN (?:RSA |EC )?PRIVATE KEY-----[^-]+-----END/.test(text)) {
    return accept(new Secret(text));
  }
  return refuse(`no private key is in it. Give a PEM file with "-----BEGIN PRIVATE KEY-----".`);
}

/** Reads the name of a metric family, in which `*` matches any text. */
export function parseFamilyPattern(text: string): Parsed<string> {
  if (/^[A-Za-z_:*][\w:*]*$/.test(text)) return accept(text);
  return refuse('it is no metric name. Write names such as "vllm_lora_*".');
}

/** A header to send: its name and its value. */
export type Header = readonly [string, Secret];

/**
 * Headers that belong to one connection (RFC 9110, section 7.6.1, and the two of
 * RFC 2616, section 13.5.1) or that the scrape itself sets.
 */
const RESERVED_HEADERS = new Set(
  ("accept accept-encoding connection content-length host keep-alive proxy-authenticate " +
    "proxy-authorization proxy-connection te trailer transfer-encoding upgrade").split(" "),
);

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
  return ["Authorization", new Secret(`Basic ${pair.toBase64()}`)];
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
    headers.push([name, new Secret(value)]);
  }
  return headers.length > 0 ? accept(headers) : refuse(`no header is in it. ${want}`);
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
