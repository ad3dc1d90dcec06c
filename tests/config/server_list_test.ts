import { assertEquals } from "@std/assert";
import { parseConfig, type ServersConfig } from "../../lib/config/config.ts";
import type { Environment } from "../../lib/config/env_file.ts";
import { splitServers } from "../../lib/config/url.ts";

const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

function serversOf(url: string, env: Environment = {}): ServersConfig {
  const result = parseConfig({ VLLM_METRICS_URL: url, ...env }, () => CERTIFICATE);
  if (!result.ok) throw new Error(result.mistakes.join("\n"));
  return result.config.servers;
}

function mistakesOf(url: string, env: Environment = {}): readonly string[] {
  const result = parseConfig({ VLLM_METRICS_URL: url, ...env }, () => CERTIFICATE);
  return result.ok ? [] : result.mistakes;
}

Deno.test.each<[string, string[]]>([
  ["http://a", ["http://a"]],
  ["http://a,http://b", ["http://a", "http://b"]],
  [" http://a ,\n http://b\thttp://c, ", ["http://a", "http://b", "http://c"]],
  ["one=http://a,two=dns+http://b", ["one=http://a", "two=dns+http://b"]],
  ["http://a/m?x=1,2,http://b", ["http://a/m?x=1,2", "http://b"]],
  ["http://a/m?x=1,y=http://b", ["http://a/m?x=1", "y=http://b"]],
  ["http://a/m?x=1%2Cy=http://b", ["http://a/m?x=1%2Cy=http://b"]],
  ["http://me:w,rd@a,http://b", ["http://me:w,rd@a", "http://b"]],
  ["http://a,b:8000", ["http://a,b:8000"]],
  [",,", [""]],
])("splitServers() takes %j apart", (text, parts) => {
  assertEquals(splitServers(text), parts);
});

Deno.test("one address without a name is served as it is", () => {
  const { list, isMerged } = serversOf("http://vllm:8000");
  assertEquals(isMerged, false);
  assertEquals(list.map(({ name }) => name), ["vllm:8000"]);
});

Deno.test.each<[string, string[], string[]]>([
  ["one=http://a", ["one"], ["http://a/metrics"]],
  ["dns+http://a", ["a:80"], ["http://a/metrics"]],
  ["pool=dns+http://a:1/m", ["pool"], ["http://a:1/m"]],
  [
    "http://a:8000,https://b/x http://[::1]:9/",
    ["a:8000", "b:443", "[::1]:9"],
    ["http://a:8000/metrics", "https://b/x", "http://[::1]:9/metrics"],
  ],
  [
    "pre-fill_1.x=http://a,decode=http://a",
    ["pre-fill_1.x", "decode"],
    ["http://a/metrics", "http://a/metrics"],
  ],
  ["http://a/m?x=1,2,http://b", ["a:80", "b:80"], ["http://a/m?x=***", "http://b/metrics"]],
])("the servers of %j are told apart", (url, names, labels) => {
  const { list, isMerged } = serversOf(url);
  assertEquals(isMerged, true);
  assertEquals(list.map(({ name }) => name), names);
  assertEquals(list.map(({ upstream }) => upstream.label), labels);
});

Deno.test("credentials of the settings are for all servers, those in a URL for its own", () => {
  const sent = (servers: ServersConfig): (string | undefined)[] =>
    servers.list.map(({ upstream }) => upstream.headers[0]?.[1].reveal());
  assertEquals(sent(serversOf("http://a,http://b", { VLLM_BEARER_TOKEN: "abc" })), [
    "Bearer abc",
    "Bearer abc",
  ]);
  assertEquals(sent(serversOf("http://me:word@a,http://b,http://you:word@c")), [
    `Basic ${btoa("me:word")}`,
    undefined,
    `Basic ${btoa("you:word")}`,
  ]);
  assertEquals(mistakesOf("http://a,http://me:word@b", { VLLM_BEARER_TOKEN: "abc" }), [
    "VLLM_BEARER_TOKEN: is set together with credentials in VLLM_METRICS_URL. Give them in one place only.",
  ]);
});

const SCHEMES =
  'what follows its comma or white space is no address. Begin each address with "http://" or ' +
  '"https://", and write "%2C" for a comma in a path.';
const NO_NAME = 'its name is not one. Write at most 64 letters, digits, "-", "_" and ".".';

Deno.test.each<[string, string, string]>([
  ["http://a,b:8000", '"http://a,b:8000"', SCHEMES],
  ["http://a/metrics b:8000/metrics", '"http://a/metrics b:8000/metrics"', SCHEMES],
  ["ü=http://a", '"ü=http://a"', NO_NAME],
  [`${"x".repeat(65)}=http://a`, `"${"x".repeat(65)}=http://a"`, NO_NAME],
  ["=http://a", '"=http://a"', 'there is no name before its "=".'],
  [
    "one=a:8000",
    '"one=a:8000"',
    'it has no scheme. Write "http://a:8000/metrics".',
  ],
  [
    "one=ftp://me:word@a",
    '"***@a"',
    'its scheme is neither http nor https. Write "http://***@a/metrics".',
  ],
  [
    "dns+http://10.0.0.1:8000",
    '"dns+http://10.0.0.1:8000"',
    'it has an address in place of a name to look up. Leave "dns+" out.',
  ],
  [
    "dns+http://[::1]",
    '"dns+http://[::1]"',
    'it has an address in place of a name to look up. Leave "dns+" out.',
  ],
  ["dns+a:8000", '"dns+a:8000"', 'it has no scheme. Write "http://a:8000/metrics".'],
])("parseConfig() refuses %j", (url, quoted, problem) => {
  assertEquals(mistakesOf(url), [`VLLM_METRICS_URL: cannot use ${quoted}: ${problem}`]);
});

Deno.test("parseConfig() tells all addresses that are wrong at once", () => {
  assertEquals(mistakesOf("http://a, one=ftp://b, http://c:x two=http://d, !=http://e"), [
    'VLLM_METRICS_URL: cannot use "one=ftp://b": its scheme is neither http nor https. ' +
    'Write "http://b/metrics".',
    'VLLM_METRICS_URL: cannot use "http://c:x": it is not a valid URL. ' +
    'Write it as in "http://localhost:8000/metrics".',
    `VLLM_METRICS_URL: cannot use "!=http://e": ${NO_NAME}`,
  ]);
});

Deno.test("parseConfig() refuses two servers of one name", () => {
  assertEquals(mistakesOf("http://a:1/x,http://a:1/y,one=http://b,one=http://c,http://d"), [
    'VLLM_METRICS_URL: has more than one server "a:1". ' +
    'Give each a name of its own, as in "a2=http://…".',
    'VLLM_METRICS_URL: has more than one server "one". ' +
    'Give each a name of its own, as in "one2=http://…".',
  ]);
});

Deno.test("parseConfig() refuses more servers than can be merged", () => {
  const urls = Array.from({ length: 257 }, (_, index) => `http://a${index}`);
  assertEquals(mistakesOf(urls.slice(1).join(",")), []);
  assertEquals(mistakesOf(urls.join(",")), [
    "VLLM_METRICS_URL: names 257 servers. At most 256 can be merged.",
  ]);
});

Deno.test("dns+https needs an authority to trust, or none at all", () => {
  assertEquals(mistakesOf("dns+https://a"), [
    'VLLM_TLS_CA_FILE: is not set, and "dns+https:" needs it: only the authorities in it are ' +
    "trusted there.",
  ]);
  assertEquals(mistakesOf("dns+https://a", { VLLM_TLS_CA_FILE: "/ca.pem" }), []);
  assertEquals(mistakesOf("dns+https://a", { VLLM_TLS_INSECURE_SKIP_VERIFY: "true" }), []);
  assertEquals(mistakesOf("dns+http://a,https://b"), []);
});

Deno.test("TLS settings have an effect when one of the servers is https", () => {
  const env = { VLLM_TLS_CA_FILE: "/ca.pem" };
  for (const [url, count] of [["http://a,https://b", 0], ["http://a,http://b", 1]] as const) {
    const result = parseConfig({ VLLM_METRICS_URL: url, ...env }, () => CERTIFICATE);
    assertEquals(result.ok && result.warnings.length, count, url);
  }
});
