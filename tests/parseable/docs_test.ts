import { assert, assertEquals } from "@std/assert";
import { COLUMNS } from "../../lib/parseable/content/query.ts";
import { dashboardsReference } from "../../tools/content_reference.ts";

const guide = Deno.readTextFileSync(new URL("../../docs/dashboards.md", import.meta.url));

/** Words alone: the formatter wraps lines and aligns tables. */
function words(text: string): string {
  return text.replace(/[`*_\\]/g, "").replace(/-{3,}/g, "---").replace(/\s+/g, " ").trim();
}

Deno.test("docs/dashboards.md has the reference of tiles and alerts", () => {
  const reference = /<!-- reference -->\n([\s\S]*)\n<!-- \/reference -->/.exec(guide)?.[1] ?? "";
  assertEquals(words(reference), words(dashboardsReference()), "run deno task reference");
});

Deno.test("the guide explains the columns that every metric of vLLM has", () => {
  const [, queries = ""] = guide.split("\n## Your own queries\n");
  for (const column of COLUMNS.keys()) {
    if (!/^(data_point|time|metric|model|engine|instance)/.test(column)) continue;
    assert(queries.includes(`\`${column}\``), column);
  }
});
