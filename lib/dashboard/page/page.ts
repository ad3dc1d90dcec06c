/** The live page: follows the service and shows its views. */

import type { Chart, Finding, Tile, View } from "../view.ts";
import { Announcer } from "./announcer.ts";
import { ChartView } from "./chart_view.ts";
import { type Choice, choiceQuery, readChoice } from "./choice.ts";
import { find, KeyedList, setAttribute, setText, show } from "./dom.ts";
import { FindingView } from "./finding_view.ts";
import { Live } from "./live.ts";
import { noFindings } from "../availability.ts";
import { TileView } from "./tile_view.ts";
import { TopBar } from "./top_bar.ts";

/** Distance of two ticks, in milliseconds. */
const TICK_MS = 1_000;

const announcer = new Announcer();
const noneFound = find("no-findings", HTMLElement);
const findings = new KeyedList<Finding, FindingView>({
  parent: find("findings", HTMLUListElement),
  keyOf: ({ id }) => id,
  create: (finding) => new FindingView(finding),
});
const tiles = new KeyedList<Tile, TileView>({
  parent: find("tiles", HTMLUListElement),
  keyOf: ({ id }) => id,
  create: (tile) => new TileView(tile),
});
const charts = new KeyedList<Chart, ChartView>({
  parent: find("charts", HTMLElement),
  keyOf: ({ id }) => id,
  create: (chart) => new ChartView(chart),
});
const bar = new TopBar({
  onChoice: (name, value) => choose({ ...choice, [name]: value }),
  onPause: () => live.isPaused ? live.open(choiceQuery(choice)) : live.pause(),
});
const live = new Live({
  onView: take,
  onState: (state, detail) => bar.setState(state, detail),
});
let choice = readChoice(location.search);
let newest: View | undefined;

/** The title of the tab. */
function titleOf(view: View): string {
  const down = view.targets.filter(({ state }) => state === "down").length;
  const count = view.findings.length;
  const trouble = down > 0 ? "■ down · " : count > 0 ? `▲ ${count} · ` : "";
  return `${trouble}vllm-metrics`;
}

function render(view: View): void {
  bar.update(view, choice);
  findings.update(view.findings);
  const { text, isGood } = noFindings(view);
  setText(noneFound, text);
  setAttribute(noneFound, "data-good", String(isGood));
  show(noneFound, text !== "");
  tiles.update(view.tiles);
  charts.update(view.charts);
  document.body.removeAttribute("data-empty");
}

/** Shows a view; a hidden tab updates only its title, and the rest when it becomes visible. */
function take(view: View): void {
  // The service was updated: this script may not understand it.
  if (newest !== undefined && newest.version !== view.version) return location.reload();
  newest = view;
  document.title = titleOf(view);
  announcer.tell(view);
  if (!document.hidden) render(view);
}

function choose(next: Choice): void {
  choice = next;
  const query = choiceQuery(choice);
  history.replaceState(null, "", `${location.pathname}${query}`);
  live.open(query);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  if (newest !== undefined) render(newest);
  live.hurry();
});
addEventListener("online", () => live.hurry());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const view of charts.views) view.recolor();
});
setInterval(() => {
  if (document.hidden) return;
  bar.tick();
  live.check();
}, TICK_MS);
live.open(choiceQuery(choice));
