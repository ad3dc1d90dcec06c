/** Reads URLs and lists of them, and writes them without secrets. */

import { accept, type Parsed, parsePassword, parseUsername, refuse } from "./values.ts";
import type { Secret } from "./secret.ts";

/** A URL without its credentials, and those. */
export type UrlWithCredentials = {
  /** Always `http:` or `https:`, with a path, without credentials and fragment. */
  readonly url: URL;
  readonly credentials: { readonly username: Secret; readonly password: Secret } | undefined;
};

/** A kind of URL: one for messages, and what makes a URL one of them and writes it without secrets. */
interface UrlForm {
  readonly example: string;
  readonly correct: (url: URL) => string;
}

/** A URL where metrics are read. */
const METRICS_URL: UrlForm = {
  example: "http://localhost:8000/metrics",
  correct: (url) => maskUrl(withPath(url)),
};

/** Longest text that is corrected into an example, in characters. */
const MAX_MEANT = 200;

/** vLLM's own path, for a URL that names only the server. */
const DEFAULT_PATH = "/metrics";

/** A URL that shows no credentials and no query values in JSON and in `Deno.inspect()`. */
class MaskedUrl extends URL {
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
 * Tells whether an `@` follows the host. A password with a bare `/`, `?` or `#` gives such a URL
 * (`http://user:1/2@host` is path `/2@host` on host `user`), which is not safe to show.
 */
function hasLateAt(url: URL): boolean {
  return `${url.pathname}${url.search}${url.hash}`.includes("@");
}

/** Masks ambiguous text: rather too much than too little. */
function maskText(text: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? "";
  const rest = text.slice(scheme.length);
  const at = rest.lastIndexOf("@");
  const query = rest.search(/[?#]/);
  if (query < 0) return at < 0 ? text : `${scheme}***@${rest.slice(at + 1)}`;
  return at < 0 ? `${scheme}${rest.slice(0, query + 1)}***` : `${scheme}***`;
}

/** Writes any text that may be a URL without secrets: `***` for credentials and query values. */
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

/** The URL that was probably meant, for a message. */
function meantUrl(text: string, form: UrlForm): string {
  const url = text.length > MAX_MEANT ? null : URL.parse(text);
  return url === null || !isHttp(url) || hasLateAt(url) ? form.example : form.correct(url);
}

/** What is wrong with the beginning of a URL; undefined when it is `http://…` or `https://…`. */
function schemeProblem(text: string, form: UrlForm): string | undefined {
  const [, scheme, rest = ""] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text) ?? [];
  if (scheme === undefined) {
    const [, named = "http", after = ""] = /^(?:(https?):)?\/*(.*)$/i.exec(text) ?? [];
    const wrong = /^https?:/i.test(text)
      ? `it has no "//" after "${named.toLowerCase()}:"`
      : "it has no scheme";
    return `${wrong}. Write "${meantUrl(`${named}://${after}`, form)}".`;
  }
  if (/^https?$/i.test(scheme)) return undefined;
  return `its scheme is neither http nor https. Write "${meantUrl(`http://${rest}`, form)}".`;
}

/** Reads an `http` or `https` URL. */
function parseHttpUrl(text: string, form: UrlForm): Parsed<URL> {
  if (/[\s\p{Cc}]/u.test(text)) {
    return refuse(`it has white space in it. Write one URL, such as "${form.example}".`);
  }
  const problem = schemeProblem(text, form);
  if (problem !== undefined) return refuse(problem);
  // The URL parser would take "http:///path" for host "path".
  if (!URL.canParse(text) || /^[a-z]+:\/\/[/\\?#]/i.test(text)) {
    return refuse(`it is not a valid URL. Write it as in "${form.example}".`);
  }
  const url = new MaskedUrl(text);
  if (hasLateAt(url)) {
    return refuse(
      `it has an "@" after its host. Write "%40" for "@", and in a user name or password also ` +
        `"%2F" for "/", "%3F" for "?" and "%23" for "#".`,
    );
  }
  if (url.pathname.includes("://") || url.host.includes(",")) {
    return refuse(`it is more than one URL. Write one, such as "${form.example}".`);
  }
  return accept(url);
}

function urlCredentials(url: URL): Parsed<UrlWithCredentials["credentials"]> {
  if (url.username === "" && url.password === "") return accept(undefined);
  let username: Parsed<Secret>;
  let password: Parsed<Secret>;
  try {
    username = parseUsername(decodeURIComponent(url.username));
    password = parsePassword(decodeURIComponent(url.password));
  } catch {
    return refuse(`its credentials have a stray "%". Write "%25" for it.`);
  }
  if (!username.ok) return refuse(`as to its user name, ${username.problem}`);
  if (!password.ok) return refuse(`as to its password, ${password.problem}`);
  return accept({ username: username.value, password: password.value });
}

/** Reads the URL where a server has its metrics: `/metrics` without a path. */
export function parseUrl(text: string): Parsed<UrlWithCredentials> {
  const parsed = parseHttpUrl(text, METRICS_URL);
  if (!parsed.ok) return parsed;
  const url = parsed.value;
  const credentials = urlCredentials(url);
  if (!credentials.ok) return credentials;
  url.username = "";
  url.password = "";
  url.hash = "";
  return accept({ url: withPath(url), credentials: credentials.value });
}

/** Where Parseable takes metrics, below its base URL. */
export const METRICS_PATH = "/v1/metrics";

const BASE_URL: UrlForm = {
  example: "http://parseable:8000",
  correct: (url) => `${url.protocol}//${url.host}${prefixOf(url)}`,
};

/** The path in front of those of Parseable: without a slash at its end, empty for the root. */
function prefixOf(url: URL): string {
  const path = url.pathname.replace(/\/+$/, "");
  return path.endsWith(METRICS_PATH) ? path.slice(0, -METRICS_PATH.length) : path;
}

/** Reads the base URL of Parseable. Its path is kept as a prefix, the fragment is removed. */
export function parseBaseUrl(text: string): Parsed<URL> {
  // First, and by the sign alone: credentials that break the URL are credentials all the same.
  if (text.includes("@")) {
    return refuse(
      "it has credentials in it. Fluent Bit sends those of the relay, and provision takes " +
        `P_USERNAME and P_PASSWORD. Write "${meantUrl(text, BASE_URL)}".`,
    );
  }
  const parsed = parseHttpUrl(text, BASE_URL);
  if (!parsed.ok) return parsed;
  const url = parsed.value;
  const base = BASE_URL.correct(url);
  if (url.search !== "") return refuse(`it has a query. Write "${base}".`);
  if (/\/v1\/metrics\/*$/.test(url.pathname)) {
    return refuse(`it ends in "${METRICS_PATH}", which the relay adds. Write "${base}".`);
  }
  url.pathname = prefixOf(url);
  url.search = "";
  url.hash = "";
  return accept(url);
}

/** Finds a place below the base URL of Parseable. */
export function placeBelow(base: URL, path: string): URL {
  return new URL(`${prefixOf(base)}${path}`, base);
}

/** Reads the URL of an OTLP receiver. */
export function parseOtlpUrl(text: string): Parsed<URL> {
  const example = "http://collector:4318";
  const parsed = parseHttpUrl(text, { example, correct: maskUrl });
  if (!parsed.ok || (parsed.value.username === "" && parsed.value.password === "")) return parsed;
  return refuse("it has credentials in it. Send them with OTEL_EXPORTER_OTLP_HEADERS.");
}

/** A server, or the name that several are found by. */
export type ServerAddress = UrlWithCredentials & {
  /** Its unique name: the given one, or host and port. */
  readonly name: string;
  readonly isNamed: boolean;
  /** Whether every address that the host name resolves to is a server. */
  readonly isDiscovered: boolean;
};

/** Maximum number of servers; beyond that, clients should scrape them directly. */
const MAX_SERVERS = 256;
/** Longest name, in characters: it is in every sample. */
const MAX_NAME = 64;

/**
 * Commas and white space with another address behind them. What has none behind it belongs to the
 * address before: a query or a password may hold commas.
 */
const SEPARATOR = /[\s,]+(?=(?:[^\s,:/?#@=]*=)?[a-z][a-z0-9+.-]*:\/\/)/i;
/** A name and the address after it; in a query the first `=` follows a `:` or `?`. */
const NAMED = /^([^\s,:/?#@=]*)=(.*)$/s;
const NAME = /^[A-Za-z0-9._-]+$/;
const DISCOVERED = /^dns\+/i;
/** White space or a comma in front of the query, in an address without credentials. */
const OPEN_LIST = /^[^?#@]*[\s,][^@]*$/;
/** The URL parser leaves no other host of digits and dots alone. */
const IP_ADDRESS = /^(?:\[.*\]|[\d.]+)$/;

/** Splits a list. */
export function splitServers(text: string): string[] {
  return text.replace(/^[\s,]+|[\s,]+$/g, "").split(SEPARATOR);
}

/** Writes a server as people name it, and as the label `instance` of Prometheus does. */
export function hostAndPort(url: URL, host: string = url.hostname): string {
  return `${host}:${url.port || (url.protocol === "https:" ? 443 : 80)}`;
}

/** What is wrong with a name. */
function nameProblem(name: string): string | undefined {
  if (name === "") return 'there is no name before its "=".';
  if (NAME.test(name) && name.length <= MAX_NAME) return undefined;
  return `its name is not one. Write at most ${MAX_NAME} letters, digits, "-", "_" and ".".`;
}

/** Reads one address of a list. */
export function parseServer(text: string): Parsed<ServerAddress> {
  const [, given, rest = text] = NAMED.exec(text) ?? [];
  const problem = given === undefined ? undefined : nameProblem(given);
  if (problem !== undefined) return refuse(problem);
  if (OPEN_LIST.test(rest)) {
    return refuse(
      "what follows its comma or white space is no address. Begin each address with " +
        '"http://" or "https://", and write "%2C" for a comma in a path.',
    );
  }
  const isDiscovered = DISCOVERED.test(rest);
  const parsed = parseUrl(rest.replace(DISCOVERED, ""));
  if (!parsed.ok) return parsed;
  const { url, credentials } = parsed.value;
  if (isDiscovered && IP_ADDRESS.test(url.hostname)) {
    return refuse('it has an address in place of a name to look up. Leave "dns+" out.');
  }
  const name = given ?? hostAndPort(url);
  return accept({ url, credentials, name, isNamed: given !== undefined, isDiscovered });
}

/** Finds what is wrong with a list whose addresses are right. */
export function listProblems(servers: readonly ServerAddress[]): string[] {
  if (servers.length > MAX_SERVERS) {
    return [`names ${servers.length} servers. At most ${MAX_SERVERS} can be merged.`];
  }
  const names = servers.map(({ name }) => name);
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  return [...twice].map((name) =>
    `has more than one server "${name}". Give each a name of its own, as in "${
      NAME.test(name) ? name : "a"
    }2=http://…".`
  );
}
