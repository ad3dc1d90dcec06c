import { assertEquals } from "@std/assert";
import { maskUrl, METRICS_PATH, parseBaseUrl, parseUrl, placeBelow } from "../../lib/config/url.ts";
import {
  parseAddress,
  parseBoolean,
  parseBytes,
  parseCertificates,
  parseChoice,
  type Parsed,
  parseDuration,
  parseHeaders,
  parsePassword,
  parsePrivateKey,
  parseStreamName,
  parseToken,
  parseUsername,
} from "../../lib/config/values.ts";

function accepted<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

const SECONDS = { min: "100ms", max: "5m", example: "10s" };
const SIZES = { min: "1KiB", max: "4GiB", example: "64MiB" };

Deno.test.each([
  ["500ms", 500],
  ["100ms", 100],
  ["2s", 2000],
  ["1.5s", 1500],
  ["2 s", 2000],
  ["1m", 60_000],
  ["5m", 300_000],
  ["0.05h", 180_000],
])("parseDuration() reads %s", (text, value) => {
  assertEquals(parseDuration(text, SECONDS), { ok: true, value });
});

Deno.test.each([
  ["10", "it has no unit"],
  ["1.5", "it has no unit"],
  ["ten", "it is not a duration"],
  ["-2s", "it is not a duration"],
  ["1m30s", "it is not a duration"],
  ["2w", "it is not a duration"],
  ["1d", "it is more than 5m"],
  ["1constructor", "it is not a duration"],
  ["99ms", "it is less than 100ms"],
  ["0s", "it is less than 100ms"],
  ["301s", "it is more than 5m"],
  ["99999999999999999999s", "it is more than 5m"],
])("parseDuration() refuses %s", (text, reason) => {
  const problem = `${reason}. Write a duration from 100ms to 5m, such as "10s".`;
  assertEquals(parseDuration(text, SECONDS), { ok: false, problem });
});

Deno.test.each([
  ["65536", 65_536],
  ["2048B", 2048],
  ["64KiB", 65_536],
  ["64kib", 65_536],
  ["10MiB", 10_485_760],
  ["10 MiB", 10_485_760],
  ["10MB", 10_000_000],
  ["1.5GiB", 1_610_612_736],
  ["4GB", 4_000_000_000],
])("parseBytes() reads %s", (text, value) => {
  assertEquals(parseBytes(text, SIZES), { ok: true, value });
});

Deno.test.each([
  ["64M", "it is not a size in bytes"],
  ["big", "it is not a size in bytes"],
  ["-1", "it is not a size in bytes"],
  ["1e6", "it is not a size in bytes"],
  ["1023", "it is less than 1KiB"],
  ["0", "it is less than 1KiB"],
  ["5GiB", "it is more than 4GiB"],
])("parseBytes() refuses %s", (text, reason) => {
  const problem = `${reason}. Write a size from 1KiB to 4GiB, such as "64MiB".`;
  assertEquals(parseBytes(text, SIZES), { ok: false, problem });
});

Deno.test.each([
  ["true", true],
  ["True", true],
  ["1", true],
  ["false", false],
  ["FALSE", false],
  ["0", false],
])("parseBoolean() reads %s", (text, value) => {
  assertEquals(parseBoolean(text), { ok: true, value });
});

Deno.test.each(["yes", "on", "2", "tru"].map((text) => [text]))(
  "parseBoolean() refuses %s",
  (text) => {
    const problem = 'it is neither true nor false. Write "true" or "false".';
    assertEquals(parseBoolean(text), { ok: false, problem });
  },
);

Deno.test("parseChoice() reads a word in any case and names the words for any other", () => {
  assertEquals(parseChoice("JSON", ["text", "json"]), { ok: true, value: "json" });
  assertEquals(parseChoice("xml", ["text", "json"]), {
    ok: false,
    problem: 'it is not one of the words. Write one of "text", "json".',
  });
});

Deno.test.each([
  ["0.0.0.0:9090", "0.0.0.0", 9090],
  ["127.0.0.1:0", "127.0.0.1", 0],
  ["[::]:9090", "::", 9090],
  ["[::1]:65535", "::1", 65_535],
  [":9090", "0.0.0.0", 9090],
  ["localhost:9090", "localhost", 9090],
  ["Metrics_1.example.com:80", "metrics_1.example.com", 80],
])("parseAddress() reads %s", (text, hostname, port) => {
  assertEquals(parseAddress(text), { ok: true, value: { hostname, port } });
});

const BAD_PORT = 'its port is no number from 0 to 65535. Write it as in "0.0.0.0:9090".';
const BAD_HOST = 'its host is no name and no address. Write it as in "0.0.0.0:9090".';

Deno.test.each([
  ["9090", 'it has no host. Write "0.0.0.0:9090".'],
  ["127.0.0.1", 'it has no port. Write host and port, as in "127.0.0.1:9090".'],
  ["[::1]", 'it has no port. Write host and port, as in "[::1]:9090".'],
  ["user@host", 'it has no port. Write host and port, as in "0.0.0.0:9090".'],
  ["::", 'it has no brackets and no port. Write "[::]:9090".'],
  ["::1:9090", 'an IPv6 address needs brackets. Write "[::1]:9090".'],
  ["http://0.0.0.0:9090", 'it is a URL. Write host and port, as in "0.0.0.0:9090".'],
  ["localhost:", BAD_PORT],
  ["localhost:http", BAD_PORT],
  ["localhost:65536", BAD_PORT],
  ["localhost:-1", BAD_PORT],
  ["two words:9090", BAD_HOST],
  ["[zz]:9090", BAD_HOST],
  ["1.2:9090", BAD_HOST],
  ["300.1.1.1:9090", BAD_HOST],
])("parseAddress() refuses %s", (text, problem) => {
  assertEquals(parseAddress(text), { ok: false, problem });
});

Deno.test.each([["vLLMmetrics"], ["vllm_metrics-2"], ["-a"], ["_a"], ["1"], ["Select"], [
  "pstats",
]])(
  "parseStreamName() takes %s, as Parseable does",
  (text) => {
    assertEquals(parseStreamName(text), { ok: true, value: text });
  },
);

// Parseable would store "été", but its reading of X-P-Stream ends at anything beyond ASCII.
Deno.test.each([["with space"], ["a.b"], ["a/b"], ["a:b"], ['a"b'], ["a\nb"], ["été"], ["日本"]])(
  "parseStreamName() refuses %j",
  (text) => {
    assertEquals(parseStreamName(text), {
      ok: false,
      problem: "it has a character that no stream can have in its name. " +
        'Write only letters from A to Z, digits, "-" and "_", as in "vLLMmetrics".',
    });
  },
);

Deno.test.each([["select"], ["from"], ["by"], ["sql"], ["DEFAULT_TENANT"]])(
  "parseStreamName() refuses %s, which Parseable keeps",
  (text) => {
    assertEquals(parseStreamName(text), {
      ok: false,
      problem: 'Parseable keeps that name for itself. Write another, such as "vLLMmetrics".',
    });
  },
);

function pem(label: string): string {
  return `-----BEGIN ${label}-----\nMIIB\n-----END ${label}-----\n`;
}

Deno.test("parseCertificates() takes a PEM file with text around its certificates", () => {
  const text = `Some Authority\n${pem("CERTIFICATE")}${pem("CERTIFICATE")}`;
  assertEquals(parseCertificates(text), { ok: true, value: text });
});

Deno.test.each([
  ["a key", pem("PRIVATE KEY")],
  ["other text", "hello"],
  ["a file cut short", "-----BEGIN CERTIFICATE-----\nMIIB"],
])("parseCertificates() refuses %s", (_, text) => {
  assertEquals(parseCertificates(text), {
    ok: false,
    problem: 'no certificate is in it. Give a PEM file with "-----BEGIN CERTIFICATE-----".',
  });
});

Deno.test.each([["PRIVATE KEY"], ["RSA PRIVATE KEY"], ["EC PRIVATE KEY"]])(
  "parsePrivateKey() takes a PEM file with a %s",
  (label) => {
    assertEquals(accepted(parsePrivateKey(pem(label))).reveal(), pem(label));
  },
);

Deno.test.each([["CERTIFICATE"], ["OPENSSH PRIVATE KEY"], ["PUBLIC KEY"]])(
  "parsePrivateKey() refuses a %s",
  (label) => {
    assertEquals(parsePrivateKey(pem(label)), {
      ok: false,
      problem: 'no private key is in it. Give a PEM file with "-----BEGIN PRIVATE KEY-----".',
    });
  },
);

Deno.test.each([
  ["PKCS #8", pem("ENCRYPTED PRIVATE KEY")],
  ["PKCS #1", pem("RSA PRIVATE KEY").replace("MIIB", "Proc-Type: 4,ENCRYPTED\n\nMIIB")],
])("parsePrivateKey() refuses a %s key with a passphrase", (_, text) => {
  assertEquals(parsePrivateKey(text), {
    ok: false,
    problem: "its key has a passphrase. Give a PEM file with a key that has none.",
  });
});

Deno.test.each([
  ["one header", "X-Key: abc", [["X-Key", "abc"]]],
  ["a header a line", "X-Key: abc\nCookie: a=b; c=d\n", [["X-Key", "abc"], ["Cookie", "a=b; c=d"]]],
  ["CRLF line ends", "A: 1\r\nB: 2\r\n", [["A", "1"], ["B", "2"]]],
  ["a written-out \\n", "A: 1\\nB: 2", [["A", "1"], ["B", "2"]]],
  ["empty lines and spaces", "\n  A:1  \n\n", [["A", "1"]]],
  ["colons in a value", "A: b:c", [["A", "b:c"]]],
])("parseHeaders() reads %s", (_, text, expected) => {
  const headers = accepted(parseHeaders(text));
  assertEquals(headers.map(([name, value]) => [name, value.reveal()]), expected);
});

Deno.test.each([
  ["hunter2", 'header 1 has no ":"'],
  ["A: 1\nhunter2", 'header 2 has no ":"'],
  ["hunter 2: x", "header 1 has a name that no header can have"],
  [": x", "header 1 has a name that no header can have"],
  ["A : x", "header 1 has a name that no header can have"],
  ["A:", "header 1 has no value"],
  ["A: ü", "header 1 has a value that is not printable ASCII"],
  ["A: a\u0000b", "header 1 has a value that is not printable ASCII"],
  ["A: 1\na: 2", "header 2 has the name of an earlier one"],
  ["Host: vllm", 'header 1 is "host", which cannot be set'],
  ["accept: */*", 'header 1 is "accept", which cannot be set'],
  ["CONNECTION: close", 'header 1 is "connection", which cannot be set'],
  ["Transfer-Encoding: chunked", 'header 1 is "transfer-encoding", which cannot be set'],
  ["\n \n", "no header is in it"],
])("parseHeaders() refuses %j", (text, reason) => {
  const problem = `${reason}. Write "Name: value", one header a line or "\\n" between them.`;
  assertEquals(parseHeaders(text), { ok: false, problem });
});

Deno.test("parseToken() takes a token alone", () => {
  assertEquals(accepted(parseToken("abc.DEF-1_2~+/==")).reveal(), "abc.DEF-1_2~+/==");
});

Deno.test.each([["Bearer abc"], ["abc\n"], [" abc"], ["äbc"]])(
  "parseToken() refuses %j",
  (text) => {
    const problem =
      'it is not printable ASCII without spaces. Give the token alone, without "Bearer".';
    assertEquals(parseToken(text), { ok: false, problem });
  },
);

Deno.test("parseUsername() refuses a colon, parsePassword() takes it", () => {
  assertEquals(accepted(parsePassword("pä:ss word")).reveal(), "pä:ss word");
  assertEquals(parseUsername("a:b"), {
    ok: false,
    problem: 'it has a ":" in it. Give a user name without ":" and without line ends.',
  });
});

Deno.test("parsePassword() and parseUsername() refuse control characters", () => {
  const problem = "it has a control character in it. Give it without line ends and tabs.";
  assertEquals(parsePassword("a\nb"), { ok: false, problem });
  assertEquals(parseUsername("a\tb"), { ok: false, problem });
});

Deno.test.each([
  ["http://vllm:8000", "http://vllm:8000/metrics"],
  ["http://vllm:8000/", "http://vllm:8000/metrics"],
  ["http://vllm:8000?a=b", "http://vllm:8000/metrics?a=b"],
  ["http://vllm:8000/metrics", "http://vllm:8000/metrics"],
  ["https://vllm/gateway/m", "https://vllm/gateway/m"],
  ["HTTP://VLLM/", "http://vllm/metrics"],
  ["http://[::1]:8000", "http://[::1]:8000/metrics"],
  ["http://vllm/m#part", "http://vllm/m"],
])("parseUrl() reads %s", (text, href) => {
  const { url, credentials } = accepted(parseUrl(text));
  assertEquals(url.href, href);
  assertEquals(credentials, undefined);
});

Deno.test.each([
  ["http://user:word@vllm", "user", "word"],
  ["http://token@vllm", "token", ""],
  ["http://:word@vllm", "", "word"],
  ["http://us%40er:p%2Fw%25@vllm", "us@er", "p/w%"],
  ["http://user:w@rd@vllm", "user", "w@rd"],
  ["http://user:wörd:2@vllm", "user", "wörd:2"],
])("parseUrl() takes the credentials out of %s", (text, username, password) => {
  const { url, credentials } = accepted(parseUrl(text));
  assertEquals(url.href, "http://vllm/metrics");
  assertEquals(credentials?.username.reveal(), username);
  assertEquals(credentials?.password.reveal(), password);
});

const LATE_AT =
  'it has an "@" after its host. Write "%40" for "@", and in a user name or password also ' +
  '"%2F" for "/", "%3F" for "?" and "%23" for "#".';
const INVALID = 'it is not a valid URL. Write it as in "http://localhost:8000/metrics".';

Deno.test.each([
  ["localhost:8000", 'it has no scheme. Write "http://localhost:8000/metrics".'],
  ["vllm", 'it has no scheme. Write "http://vllm/metrics".'],
  ["10.0.0.1:8000/m", 'it has no scheme. Write "http://10.0.0.1:8000/m".'],
  ["//vllm:8000", 'it has no scheme. Write "http://vllm:8000/metrics".'],
  ["user:word@vllm/m?a=b", 'it has no scheme. Write "http://***@vllm/m?a=***".'],
  ["::1", 'it has no scheme. Write "http://localhost:8000/metrics".'],
  ["http:/vllm", 'it has no "//" after "http:". Write "http://vllm/metrics".'],
  ["https:vllm:1", 'it has no "//" after "https:". Write "https://vllm:1/metrics".'],
  ["ftp://vllm/m", 'its scheme is neither http nor https. Write "http://vllm/m".'],
  ["htp://u:w@vllm", 'its scheme is neither http nor https. Write "http://***@vllm/metrics".'],
  ["http://", INVALID],
  ["http:///metrics", INVALID],
  ["http://vllm:99999", INVALID],
  ["http://user:pa?ss@vllm", INVALID],
  ["http://user:12/word@vllm", LATE_AT],
  ["http://user:12#word@vllm", LATE_AT],
  ["http://vllm/m?who=me@here", LATE_AT],
  ["http://%zz:word@vllm", 'its credentials have a stray "%". Write "%25" for it.'],
  [
    "http://u%3Aser:word@vllm",
    'as to its user name, it has a ":" in it. Give a user name without ":" and without line ends.',
  ],
  [
    "http://user:wo%0Ard@vllm",
    "as to its password, it has a control character in it. Give it without line ends and tabs.",
  ],
  [
    "http://a/metrics http://b",
    'it has white space in it. Write one URL, such as "http://localhost:8000/metrics".',
  ],
  [
    "http://a,http://b",
    'it is more than one URL. Write one, such as "http://localhost:8000/metrics".',
  ],
  [
    "http://a/metrics,http://b",
    'it is more than one URL. Write one, such as "http://localhost:8000/metrics".',
  ],
])("parseUrl() refuses %s", (text, problem) => {
  assertEquals(parseUrl(text), { ok: false, problem });
});

Deno.test("parseUrl() does not mend a text too long for a message", () => {
  assertEquals(parseUrl("v".repeat(201)), {
    ok: false,
    problem: 'it has no scheme. Write "http://localhost:8000/metrics".',
  });
});

Deno.test("parseUrl() gives a URL that shows no query values but sends them", () => {
  const { url } = accepted(parseUrl("http://vllm/m?key=hunter2"));
  assertEquals(String(url), "http://vllm/m?key=hunter2");
  assertEquals(new Request(url).url, "http://vllm/m?key=hunter2");
  assertEquals(JSON.stringify(url), '"http://vllm/m?key=***"');
  assertEquals(Deno.inspect(url), "http://vllm/m?key=***");
});

Deno.test.each([
  ["http://vllm:8000/metrics", "http://vllm:8000/metrics"],
  ["http://vllm/m?a=b&c=d=e&f=&g&=h", "http://vllm/m?a=***&c=***&f=***&***&=***"],
  ["http://user:word@vllm/m", "http://***@vllm/m"],
  ["http://user@vllm/m#part", "http://***@vllm/m"],
  ["http://user:1/2@vllm/m", "http://***@vllm/m"],
  ["http://user:w?rd@vllm/m", "http://***"],
  ["ftp://user:word@vllm", "ftp://***@vllm"],
  ["user:word@vllm:8000", "***@vllm:8000"],
  ["vllm:8000?key=hunter2", "vllm:8000?***"],
  ["http://vllm:x/#hunter2", "http://vllm:x/#***"],
  ["no url at all", "no url at all"],
])("maskUrl() hides the secrets of %s", (text, expected) => {
  assertEquals(maskUrl(text), expected);
});

Deno.test.each([
  ["http://parseable:8000", "http://parseable:8000/v1/metrics"],
  ["http://parseable:8000/", "http://parseable:8000/v1/metrics"],
  ["http://parseable:8000//", "http://parseable:8000/v1/metrics"],
  ["http://parseable:8000?", "http://parseable:8000/v1/metrics"],
  ["http://parseable:8000#part", "http://parseable:8000/v1/metrics"],
  ["https://gateway/parseable", "https://gateway/parseable/v1/metrics"],
  ["https://gateway/a/b/", "https://gateway/a/b/v1/metrics"],
  ["HTTP://Parseable/", "http://parseable/v1/metrics"],
  ["http://[::1]:8000", "http://[::1]:8000/v1/metrics"],
])("parseBaseUrl() reads %s", (text, href) => {
  assertEquals(placeBelow(accepted(parseBaseUrl(text)), METRICS_PATH).href, href);
});

const CREDENTIALS =
  "it has credentials in it. Fluent Bit sends those of the relay, and provision " +
  "takes P_USERNAME and P_PASSWORD.";

Deno.test.each([
  ["http://admin:admin@parseable:8000", "http://parseable:8000"],
  ["https://token@gateway/parseable/", "https://gateway/parseable"],
  ["http://me:w@rd@parseable", "http://parseable"],
  ["http://me:1/2@parseable:9000", "http://parseable:8000"],
  ["me:word@parseable:9000", "http://parseable:8000"],
  ["ftp://me:word@parseable:9000", "http://parseable:8000"],
  ["http://parseable:9000?key=a@b", "http://parseable:8000"],
  [`http://me:word@${"v".repeat(200)}`, "http://parseable:8000"],
])("parseBaseUrl() refuses the credentials in %s", (text, meant) => {
  const problem = `${CREDENTIALS} Write "${meant}".`;
  assertEquals(parseBaseUrl(text), { ok: false, problem });
});

Deno.test.each([
  ["parseable:8000", 'it has no scheme. Write "http://parseable:8000".'],
  ["parseable:8000/v1/metrics", 'it has no scheme. Write "http://parseable:8000".'],
  ["parseable:9000/a/?key=word", 'it has no scheme. Write "http://parseable:9000/a".'],
  ["http:/parseable", 'it has no "//" after "http:". Write "http://parseable".'],
  ["grpc://parseable:8001", 'its scheme is neither http nor https. Write "http://parseable:8001".'],
  ["http://", 'it is not a valid URL. Write it as in "http://parseable:8000".'],
  ["http://parseable:99999", 'it is not a valid URL. Write it as in "http://parseable:8000".'],
  [
    "http://a http://b",
    'it has white space in it. Write one URL, such as "http://parseable:8000".',
  ],
  ["http://a,http://b", 'it is more than one URL. Write one, such as "http://parseable:8000".'],
  ["http://a/,http://b", 'it is more than one URL. Write one, such as "http://parseable:8000".'],
  ["http://parseable:8000/a?stream=b", 'it has a query. Write "http://parseable:8000/a".'],
  [
    "http://parseable:8000/v1/metrics",
    'it ends in "/v1/metrics", which the relay adds. Write "http://parseable:8000".',
  ],
  [
    "http://gateway/a/v1/metrics/",
    'it ends in "/v1/metrics", which the relay adds. Write "http://gateway/a".',
  ],
])("parseBaseUrl() refuses %s", (text, problem) => {
  assertEquals(parseBaseUrl(text), { ok: false, problem });
});
