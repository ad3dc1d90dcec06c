import { assert, assertEquals } from "@std/assert";
import { NOTES } from "../../lib/dashboard/availability.ts";
import { EVENT_STREAM_LIMITS } from "../../lib/dashboard/event_stream.ts";
import { livePageReference } from "../../tools/content_reference.ts";

const TEXT = Deno.readTextFileSync(new URL("../../docs/live-page.md", import.meta.url).pathname);

/** Words alone: the document is wrapped by the formatter, which has its own marks for emphasis. */
function words(text: string): string {
  return text.replace(/[`*_\\]/g, "").replace(/\s+/g, " ").trim();
}

Deno.test("docs/live-page.md has the reference of tiles, charts and findings", () => {
  const reference = /<!-- reference -->\n([\s\S]*)\n<!-- \/reference -->/.exec(TEXT)?.[1] ?? "";
  assertEquals(words(reference), words(livePageReference()), "run deno task reference");
});

Deno.test("the document has every note, and the limits of the code", () => {
  for (const note of Object.values(NOTES)) assert(TEXT.includes(`\`${note}\``), note);
  const { maxPages, maxViews } = EVENT_STREAM_LIMITS;
  assert(words(TEXT).includes(`up to ${maxPages} pages, and ${maxViews} different views`));
});
