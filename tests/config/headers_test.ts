import { assertEquals } from "@std/assert";
import {
  type Parsed,
  parseHeaders,
  parsePassword,
  parseToken,
  parseUsername,
} from "../../lib/config/values.ts";

function accepted<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

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
