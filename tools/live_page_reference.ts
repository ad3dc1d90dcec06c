/** Writes the reference of tiles, charts and findings into docs/live-page.md, between its two marks. */

import { CHART_RULES } from "../lib/dashboard/charts/charts.ts";
import { FINDING_RULES } from "../lib/dashboard/findings/findings.ts";
import { TILE_RULES } from "../lib/dashboard/tiles.ts";

const DOCUMENT = new URL("../docs/live-page.md", import.meta.url);
const BETWEEN_MARKS = /(<!-- reference -->\n)[\s\S]*(\n<!-- \/reference -->)/;
/** The default goals. */
const GOALS = { ttftSeconds: 1, tpotSeconds: 0.1 };

/** The reference as Markdown, before it is wrapped. */
export function livePageReference(): string {
  const tiles = TILE_RULES.map(({ id, title, explain }) =>
    `- **${title}** (\`${id}\`): ${explain(GOALS)}`
  );
  const charts = CHART_RULES.map(({ id, title, explanation: { shows, normal, action } }) =>
    `### ${title}\n\nId \`${id}\`. ${shows}\n\n- Normal: ${normal}\n- Otherwise: ${action}`
  );
  const findings = FINDING_RULES.map(({ id, title, condition }) =>
    `- **${title}** (\`${id}\`): ${condition}`
  );
  return [
    "## Tiles",
    "Levels are words beside the colors: ok, warning, critical. The goals are `SLO_TTFT` and " +
    "`SLO_TPOT`, here with their defaults.",
    tiles.join("\n"),
    "The limits of the KV cache, of preemptions and of the goals are those of vLLM's own dashboards.",
    "## Charts",
    "The charts that compare engines or servers appear when there are several. At most 16 lines " +
    "are drawn, those farthest from the mean. One that has at least twice the mean of the others, " +
    "or at most half of it, is named.",
    charts.join("\n\n"),
    "## Findings",
    "A finding says what is wrong now, the evidence, and which setting to look at first, with a " +
    "link to vLLM's documentation. Critical ones come before warnings. Findings at the same time " +
    "agree: none raises a setting that another lowers. They look back a minute, five minutes or a " +
    "quarter of an hour, but never over a restart of a selected server. Where there is none, the " +
    "page reports no problems, unless a tile is critical, a server is not up, or there is no data.",
    findings.join("\n"),
  ].join("\n\n");
}

if (import.meta.main) {
  const text = Deno.readTextFileSync(DOCUMENT);
  const reference = `\n${livePageReference()}\n`;
  Deno.writeTextFileSync(
    DOCUMENT,
    text.replace(BETWEEN_MARKS, (_, open: string, close: string) => open + reference + close),
  );
}
