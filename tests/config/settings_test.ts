import { assert, assertEquals } from "@std/assert";
import { SETTING_NAMES, SETTING_ROWS } from "../../lib/config/settings.ts";

Deno.test("SETTING_NAMES has every setting, and the file form of secrets alone", () => {
  for (const [name, { kind }] of SETTING_ROWS) {
    assert(SETTING_NAMES.includes(name), name);
    assertEquals(SETTING_NAMES.includes(`${name}_FILE`), kind === "secret", name);
  }
});

Deno.test("SETTINGS says in one sentence what each is for", () => {
  for (const [name, { meaning }] of SETTING_ROWS) assert(/^[A-Z][^.]*\.$/.test(meaning), name);
});
