import { assertEquals } from "@std/assert";
import { nearest } from "../../lib/nearest.ts";

const COMMANDS = ["serve", "sanitize", "healthcheck", "version", "help"];

Deno.test.each([
  ["serve", "serve"],
  ["serv", "serve"],
  ["server", "serve"],
  ["sanitise", "sanitize"],
  ["heathchek", "healthcheck"],
  ["hepl", "help"],
  ["frobnicate", undefined],
  ["", undefined],
])("nearest() takes %s for the command within two edits", (word, expected) => {
  assertEquals(nearest(word, COMMANDS), expected);
});

Deno.test("nearest() takes the first of equally near words", () => {
  assertEquals(nearest("cat", ["bat", "hat"]), "bat");
  assertEquals(nearest("cat", ["chat", "cut", "cart"]), "chat");
});

Deno.test("nearest() prefers fewer edits to an earlier place", () => {
  assertEquals(nearest("bat", ["hut", "boat"]), "boat");
});

Deno.test("nearest() keeps to the distance it is given", () => {
  assertEquals(nearest("kitten", ["sitting"]), undefined);
  assertEquals(nearest("kitten", ["sitting"], 3), "sitting");
  assertEquals(nearest("kitten", ["kittens"], 0), undefined);
  assertEquals(nearest("x", ["something else"], Infinity), "something else");
});

Deno.test("nearest() finds nothing among no words", () => {
  assertEquals(nearest("serve", []), undefined);
});
