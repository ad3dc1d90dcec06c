import { assertEquals } from "@std/assert";
import { Secret } from "../../lib/config/secret.ts";

const secret = new Secret("hunter2");

Deno.test("Secret gives its text only through reveal()", () => {
  assertEquals(secret.reveal(), "hunter2");
});

Deno.test.each([
  ["a template", `${secret}`],
  ["a concatenation", "" + secret],
  ["JSON", JSON.parse(JSON.stringify(secret))],
  ["Deno.inspect()", Deno.inspect(secret)],
])("Secret hides its text in %s", (_, text) => {
  assertEquals(text, "[redacted]");
});

Deno.test("Secret hides its text inside other values", () => {
  assertEquals(JSON.stringify({ list: [secret] }), '{"list":["[redacted]"]}');
  assertEquals(Deno.inspect({ list: [secret] }), "{ list: [ [redacted] ] }");
  assertEquals(Object.entries(secret), []);
});
