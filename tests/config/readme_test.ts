import { assertEquals } from "@std/assert";
import { markdownTable } from "../../lib/config/settings.ts";

const README = new URL("../../README.md", import.meta.url);

Deno.test("README.md has the table of settings between its markers", async () => {
  const text = await Deno.readTextFile(README);
  const block = /<!-- settings -->\n([^]*?)\n<!-- \/settings -->/.exec(text)?.[1];
  assertEquals(block?.trim(), markdownTable());
});
