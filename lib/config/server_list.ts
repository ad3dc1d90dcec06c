/** The servers that VLLM_METRICS_URL names: one address, several, or a name that stands for many. */

import { accept, type Parsed, refuse } from "./values.ts";
import { parseUrl, type UrlWithCredentials } from "./url.ts";

/** A server, or the name that several are found by. */
export interface ServerAddress extends UrlWithCredentials {
  /** Its unique name: the given one, or host and port. */
  readonly name: string;
  /** Whether that name was given. */
  readonly isNamed: boolean;
  /** Whether every address that the host name resolves to is a server. */
  readonly isDiscovered: boolean;
}

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
      "what stands behind its comma or white space is no address. Begin each address with " +
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
