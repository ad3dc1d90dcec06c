import { assertEquals } from "@std/assert";
import { METRICS_PATH, parseBaseUrl, placeBelow } from "../../lib/config/url.ts";
import type { Parsed } from "../../lib/config/values.ts";

function accepted<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

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
