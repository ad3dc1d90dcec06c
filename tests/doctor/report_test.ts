import { assertEquals } from "@std/assert";
import { Report } from "../../lib/doctor/check_run.ts";

Deno.test("what a server says of itself does not steer the terminal", () => {
  const hop = { part: "vLLM", name: "models", status: "ok" } as const;
  const lines = new Report(false).linesOf({
    ...hop,
    found: '"evil\x1b[2J\x9b2J\u202e"',
    action: "Look at \x07it.",
  });
  assertEquals(lines.match(/\p{Cc}/gu), ["\n", "\n", "\n"]);
  assertEquals(lines.includes('"evil?[2J?2J?"'), true);
});
