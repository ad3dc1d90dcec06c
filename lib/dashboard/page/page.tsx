/** The live page: follows the service and shows its views. */

import { effect, signal } from "@preact/signals";
import { type ComponentChildren, type JSX, render } from "preact";
import type { Chart, Level, View } from "../view.ts";
import { ChartCard } from "./chart.tsx";
import { Explorer } from "./explorer.tsx";
import { Findings, Incidents, StatusLine } from "./findings.tsx";
import { Fleet } from "./fleet.tsx";
import { KeyList, listenToKeys } from "./keys.tsx";
import { CostList, Signals } from "./signals.tsx";
import { choice, fold, folded, newest, pageWidth, start, stream, view } from "./state.ts";
import { Banner, Foot, Top } from "./top.tsx";

/** Least width of a chart with its gap, in pixels. */
const CHART_WIDTH = 400;
/** The note of a chart whose metrics this engine does not have; such charts are only named. */
const NOT_REPORTED = "not reported by this vLLM";

/** What is announced to screen readers: changes of state, not of numbers. */
const announced = signal("");

/** A part of the page that folds. */
function Group({ id, title, children, isFoldedFirst = false }: {
  readonly id: string;
  readonly title: string;
  readonly children: () => ComponentChildren;
  readonly isFoldedFirst?: boolean;
}): JSX.Element {
  // What is folded at first is listed when it is open.
  const isListed = folded.value.includes(id);
  const isOpen = isListed === isFoldedFirst;
  const toggle = (isNowOpen: boolean): void => {
    if (isNowOpen === isOpen) return;
    const others = folded.value.filter((each) => each !== id);
    fold(isListed ? others : [...others, id]);
  };
  return (
    <details
      class="group"
      id={id}
      open={isOpen}
      onToggle={(event) => toggle(event.currentTarget.open)}
    >
      <summary>
        <h2>{title}</h2>
      </summary>
      {isOpen && children()}
    </details>
  );
}

/** As many columns as fit, so that the last row is full or ends with a wider card. */
function columnsFor(count: number): number {
  const most = Math.max(1, Math.min(count, Math.floor(pageWidth.value / CHART_WIDTH)));
  for (let columns = most; columns > most / 2; columns--) if (count % columns === 0) return columns;
  return most;
}

function Charts({ charts }: { readonly charts: readonly Chart[] }): JSX.Element {
  const reported = charts.filter(({ note }) => note !== NOT_REPORTED);
  const missing = charts.filter(({ note }) => note === NOT_REPORTED);
  const columns = columnsFor(reported.length);
  const last = columns - (reported.length - 1) % columns;
  return (
    <>
      <div class="charts" style={{ "--columns": columns, "--last": last }}>
        {reported.map((chart) => <ChartCard key={chart.id} chart={chart} />)}
      </div>
      {missing.length > 0 && (
        <p class="soft missing">
          Not reported by this vLLM: {missing.map(({ title }) => title).join(", ")}.
        </p>
      )}
    </>
  );
}

function Body({ shown }: { readonly shown: View }): JSX.Element {
  const { fleet, groups, charts, cost } = shown;
  return (
    <>
      <StatusLine shown={shown} />
      <Findings shown={shown} />
      <Signals shown={shown} />
      {(fleet.length > 1 || choice.value.instance !== "") && <Fleet rows={fleet} />}
      {groups.map(({ id, title }) => (
        <Group key={id} id={`group-${id}`} title={title}>
          {() => <Charts charts={charts.filter(({ group }) => group === id)} />}
        </Group>
      ))}
      {cost !== null && <Group id="group-cost" title="Cost">{() => <CostList cost={cost} />}
      </Group>}
      <Group id="group-incidents" title="Findings of the last 24 hours">
        {() => <Incidents shown={shown} />}
      </Group>
      <Group id="group-explorer" title="Explorer: any other metric" isFoldedFirst>
        {() => <Explorer />}
      </Group>
    </>
  );
}

function App(): JSX.Element {
  const shown = view.value;
  return (
    <>
      <Top />
      <main>
        <Banner />
        <p id="announcer" class="unseen" role="status">{announced}</p>
        {shown !== undefined && <Body shown={shown} />}
      </main>
      <Foot />
      <KeyList />
    </>
  );
}

/** The sign of the tab's title, and the color of its icon. */
const SIGNS: Readonly<Record<Level | "lost", readonly [sign: string, color: string]>> = {
  good: ["", "15803d"],
  none: ["", "2563eb"],
  warn: ["▲", "b45309"],
  bad: ["■", "c01f2e"],
  lost: ["✕", "6b7280"],
};

/** Shows the state in the tab. */
function updateTab({ status, findings: { length } }: View, isLost: boolean): void {
  const level = isLost ? "lost" : status.level;
  const [sign, color] = SIGNS[level];
  const word = isLost ? "no connection" : status.state === "down" ? "down" : String(length);
  document.title = `${sign === "" ? "" : `${sign} ${word} · `}vllm-metrics`;
  const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  if (icon !== null) icon.href = icon.href.replace(/%23[\da-f]{6}/, `%23${color}`);
}

/** States of servers and findings, in words that change only when a state does. */
function wordsOf({ targets, findings }: View): Record<"states" | "wrong", readonly string[]> {
  return {
    states: targets.map(({ instance, state }) => `${instance} is ${state}.`),
    wrong: findings.map(({ title }) => `${title}.`),
  };
}

let before: ReturnType<typeof wordsOf> | undefined;

/** Announces what changed since the previous view; nothing at the first one. */
function announce(shown: View): void {
  const now = wordsOf(shown);
  const { states, wrong } = before ?? now;
  before = now;
  const news = [
    ...now.states.filter((each) => !states.includes(each)),
    ...now.wrong.filter((each) => !wrong.includes(each)),
    ...wrong.filter((each) => !now.wrong.includes(each)).map((each) => `Resolved: ${each}`),
  ];
  if (news.length > 0) announced.value = news.join(" ");
}

effect(() => {
  if (newest.value !== undefined) announce(newest.value);
});
effect(() => {
  document.body.dataset.live = stream.value.state;
  if (newest.value !== undefined) updateTab(newest.value, stream.value.state === "lost");
});
render(<App />, document.body);
listenToKeys();
start();
