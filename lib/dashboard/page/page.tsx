/** The live page: follows the service and shows its views. */

import { effect, signal } from "@preact/signals";
import { type JSX, render } from "preact";
import { noFindings } from "../availability.ts";
import { LEVEL_WORDS } from "../levels.ts";
import type { Finding, View } from "../view.ts";
import { ChartCard } from "./chart.tsx";
import { newest, start, stream, view } from "./state.ts";
import { TileCard } from "./tile.tsx";
import { Banner, Top } from "./top.tsx";

/** What is announced to screen readers: changes of state, not of numbers. */
const announced = signal("");

function FindingCard({ finding }: { readonly finding: Finding }): JSX.Element {
  const { id, level, title, why, action, link } = finding;
  return (
    <li class="finding" id={`finding-${id}`} data-level={level}>
      <span class="level">{LEVEL_WORDS[level]}</span>
      <div>
        <h3>{title}</h3> <p class="why">{why}</p>
        <p class="action">
          <span>{action}</span>{" "}
          <a href={link} target="_blank" rel="noreferrer" hidden={!link.startsWith("https://")}>
            vLLM’s documentation
          </a>
        </p>
      </div>
    </li>
  );
}

function Findings({ shown }: { readonly shown: View }): JSX.Element {
  const { text, isGood } = noFindings(shown);
  return (
    <section aria-label="Findings">
      <h2 class="unseen">Findings</h2>
      <p id="no-findings" class="no-findings" data-good={String(isGood)} hidden={text === ""}>
        {text}
      </p>
      <ul id="findings" class="findings">
        {shown.findings.map((finding) => <FindingCard key={finding.id} finding={finding} />)}
      </ul>
    </section>
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
        {shown !== undefined && <Findings shown={shown} />}
        <section aria-label="Now">
          <h2 class="unseen">Now</h2>
          <ul id="tiles" class="tiles">
            {shown?.tiles.map((tile) => <TileCard key={tile.id} tile={tile} />)}
          </ul>
        </section>
        <section aria-label="Over time">
          <h2 class="unseen">Over time</h2>
          <div id="charts" class="charts">
            {shown?.charts.map((chart) => <ChartCard key={chart.id} chart={chart} />)}
          </div>
        </section>
      </main>
    </>
  );
}

/** The title of the tab. */
function titleOf({ targets, findings: { length } }: View): string {
  const isDown = targets.some(({ state }) => state === "down");
  return `${isDown ? "■ down · " : length > 0 ? `▲ ${length} · ` : ""}vllm-metrics`;
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
  if (newest.value === undefined) return;
  document.title = titleOf(newest.value);
  announce(newest.value);
});
effect(() => {
  document.body.dataset.live = stream.value.state;
});
render(<App />, document.body);
start();
