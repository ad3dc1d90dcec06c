import { assertEquals } from "@std/assert";
import type { Parsed } from "../../lib/config/values.ts";
import { maskUrl, parseUrl } from "../../lib/config/url.ts";

function accepted<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

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
