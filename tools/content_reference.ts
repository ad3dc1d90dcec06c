/** `deno task reference`: writes the tiles, charts, findings and alerts of the code into docs/. */

import { CHART_RULES } from "../lib/dashboard/charts/charts.ts";
import { FINDING_RULES } from "../lib/dashboard/findings/findings.ts";
import { TILE_RULES } from "../lib/dashboard/tiles.ts";
import { alertRules } from "../lib/export/rules.ts";
import { alertList } from "../lib/parseable/content/alerts.ts";
import { dashboardList } from "../lib/parseable/content/dashboards.ts";

const BETWEEN_MARKS = /(<!-- reference -->\n)[\s\S]*(\n<!-- \/reference -->)/;
/** The default goals. */
const GOALS = { ttftSeconds: 1, tpotSeconds: 0.1, target: 0.99 };

/** The reference of the live page as Markdown, before it is formatted. */
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

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** The reference of Parseable's dashboards and alerts as Markdown, before it is formatted. */
export function dashboardsReference(): string {
  const settings = { stream: "vLLMmetrics", goals: GOALS, kvLimit: 0.9 };
  const dashboards = dashboardList(settings).flatMap(({ title, sections }) => [
    `## ${title}`,
    ...sections.flatMap(({ title, tiles }) => [
      `### ${title}`,
      table(
        ["Tile", "Unit", "Question"],
        tiles.map(({ title, unit, question }) => [title, unit, question]),
      ),
    ]),
  ]);
  const alerts = alertList(settings).map((alert) => [
    alert.title,
    alert.severity,
    `${alert.operator} ${alert.threshold}`,
    `${alert.windowMinutes} min`,
    alert.text,
  ]);
  return [
    ...dashboards,
    "## Alerts",
    "Alerts are evaluated every five minutes, critical ones every two. They notify as often while " +
    "they fire, and once when they clear. Without a webhook their state is visible in Parseable " +
    "only. A notification of Parseable quotes nothing of an alert but its query, so what to do is " +
    "a comment at the start of the query.",
    table(["Alert", "Severity", "Fires", "Window", "Meaning"], alerts),
  ].join("\n\n");
}

/** The runbook of the alerts for Prometheus as Markdown, before it is formatted. */
export function runbookReference(): string {
  return alertRules({ goals: GOALS, kvLimit: 0.9 }).map(({ rule, findings }) => {
    const shown = FINDING_RULES.filter(({ id }) => findings.includes(id))
      .map(({ title, id, condition }) => `- **${title}** (\`${id}\`): ${condition}`);
    const { summary, description } = rule.annotations;
    return [
      `## ${rule.alert}`,
      `${summary} (${rule.labels.severity}). ${description}`,
      ...(shown.length === 0 ? [] : ["Findings of the live page:", shown.join("\n")]),
      `\`\`\`promql\n${rule.expr}\n\`\`\``,
    ].join("\n\n");
  }).join("\n\n");
}

if (import.meta.main) {
  const pages = {
    "live-page.md": livePageReference(),
    "dashboards.md": dashboardsReference(),
    "runbook.md": runbookReference(),
  };
  for (const [page, reference] of Object.entries(pages)) {
    const path = new URL(`../docs/${page}`, import.meta.url);
    const text = Deno.readTextFileSync(path).replace(
      BETWEEN_MARKS,
      (_, open: string, close: string) => `${open}\n${reference}\n${close}`,
    );
    Deno.writeTextFileSync(path, text);
  }
}
