import { assert, assertEquals } from "@std/assert";
import { CHART_RULES } from "../../lib/dashboard/charts/charts.ts";
import { FEED_LIMITS } from "../../lib/dashboard/feed.ts";
import { RULES } from "../../lib/dashboard/findings/findings.ts";
import { NOTES } from "../../lib/dashboard/situation.ts";
import { TILE_RULES } from "../../lib/dashboard/tile_rules.ts";

const GOALS = { ttftSeconds: 1, tpotSeconds: 0.1 };

/** Words alone: the document is wrapped, and its formatter has its own marks for stress. */
function words(text: string): string {
  return text.replace(/[`*_\\]/g, "").replace(/\s+/g, " ");
}

const TEXT = Deno.readTextFileSync(new URL("../../docs/live-page.md", import.meta.url).pathname);
const DOCUMENT = words(TEXT);

function assertSays(text: string): void {
  assert(DOCUMENT.includes(words(text)), `docs/live-page.md does not say: ${text}`);
}

for (const { id, title, explain } of TILE_RULES) {
  Deno.test(`the document explains the tile ${id} as the page does`, () => {
    assertSays(`${title} (${id}): ${explain(GOALS)}`);
  });
}

for (const { id, title, explanation } of CHART_RULES) {
  Deno.test(`the document explains the chart ${id} as the page does`, () => {
    assertSays(title);
    assert(TEXT.includes(`\`${id}\``), id);
    assertSays(explanation.shows);
    assertSays(`Normal: ${explanation.normal}`);
    assertSays(`If not: ${explanation.action}`);
  });
}

Deno.test("the document explains every finding, in the order of the rules", () => {
  const findings = TEXT.slice(TEXT.indexOf("## Findings"), TEXT.indexOf("## For scripts"));
  const ids = [...findings.matchAll(/\(`(\w+)`\)/g)].map(([, id]) => id);
  assertEquals(ids, Object.keys(RULES));
});

Deno.test("the document has every note, and the bounds of the code", () => {
  for (const note of Object.values(NOTES)) assert(TEXT.includes(`\`${note}\``), note);
  assertSays(`up to ${FEED_LIMITS.maxPages} pages, and ${FEED_LIMITS.maxViews} different views`);
});
