/** The top of the page: servers, selection, age of the data, state of the stream. */

import type { JSX } from "preact";
import type { View, ViewTarget } from "../view.ts";
import { TARGET_STATES } from "./fleet.tsx";
import { toggleHelp } from "./keys.tsx";
import type { LiveState } from "./live.ts";
import {
  type Choice,
  choice,
  choiceQuery,
  choose,
  clock,
  goBack,
  isExplaining,
  receivedMs,
  stream,
  toggleExplanations,
  togglePause,
  view,
} from "./state.ts";
import { formatClock, formatMoment, formatSpan, TIME_ZONE } from "./text.ts";

/** Servers that are listed; more would push the numbers off the screen. */
const MAX_LISTED = 4;

/** A shape and a word for each state, besides its color. */
const LIVE_STATES: Readonly<Record<LiveState, string>> = {
  connecting: "○ connecting",
  live: "● live",
  paused: "❚❚ paused",
  lost: "■ no connection",
  refused: "■ rejected",
};

/** The state of a server, such as `down since 14:03:20`. */
function targetStateText({ state, sinceMs }: ViewTarget): string {
  const since = state === "down" && sinceMs !== undefined
    ? ` since ${formatMoment(sinceMs, Date.now())}`
    : "";
  return TARGET_STATES[state] + since;
}

/** A server alone; of several how many are up, and the first ones that are not. */
function Targets({ targets }: { readonly targets: readonly ViewTarget[] }): JSX.Element {
  const others = targets.filter(({ state }) => state !== "up");
  const up = targets.length - others.length;
  const listed = targets.length > 1 ? others.slice(0, MAX_LISTED) : targets;
  return (
    <ul id="targets" class="targets" aria-label="Servers">
      {targets.length > 1 && <li id="target-count">{up} of {targets.length} servers up</li>}
      {listed.map((target) => (
        <li key={target.instance} class="target" data-state={target.state}>
          <span class="target-state" title={target.detail}>{targetStateText(target)}</span>{" "}
          <bdi class="name" title={target.instance}>{target.instance}</bdi>
        </li>
      ))}
    </ul>
  );
}

/** How long ago the newest successful scrape was. */
function Age({ shown }: { readonly shown: View }): JSX.Element {
  const known = shown.targets.flatMap(({ lastSuccessMs }) => lastSuccessMs ?? []);
  const nowMs = shown.timeMs + Math.max(clock.value, receivedMs.value) - receivedMs.value;
  const text = known.length === 0
    ? "not scraped yet"
    : `scraped ${formatSpan((nowMs - Math.max(...known)) / 1_000)} ago`;
  return <span id="age" class="soft age">{text}</span>;
}

interface SelectOption {
  readonly value: string;
  readonly text: string;
}

function Select({ name, label, options, chosen }: {
  readonly name: "instance" | "model" | "engine" | "window";
  readonly label: string;
  readonly options: readonly SelectOption[];
  readonly chosen: string;
}): JSX.Element {
  // A select truncates long names.
  const title = options.find(({ value }) => value === chosen)?.text ?? "";
  const select = (value: string): void =>
    choose({ [name]: value, ...(name === "window" ? { from: "", to: "" } : {}) });
  return (
    <label>
      {label}{" "}
      <select
        id={name}
        title={title}
        value={chosen}
        onChange={(event) => select(event.currentTarget.value)}
      >
        {options.map(({ value, text }) => (
          <option key={value} value={value} selected={value === chosen}>{text}</option>
        ))}
      </select>
    </label>
  );
}

/** A select of names; text where there is only one. */
function NameSelect({ name, label, names }: {
  readonly name: keyof Choice & ("instance" | "model" | "engine");
  readonly label: string;
  readonly names: readonly string[];
}): JSX.Element | null {
  const [only] = names;
  if (only === undefined) return null;
  if (names.length === 1) {
    return (
      <p id={name} class="only">
        {label} <bdi class="name" title={only}>{only}</bdi>
      </p>
    );
  }
  const all = { value: "", text: `all ${label.toLowerCase()}s (${names.length})` };
  return (
    <Select
      name={name}
      label={label}
      options={[all, ...names.map((value) => ({ value, text: value }))]}
      chosen={choice.value[name]}
    />
  );
}

function Selection({ shown }: { readonly shown: View }): JSX.Element {
  const { instances, models, engines, windows, windowSeconds, fromMs, toMs, timeMs } = shown;
  const isPast = choice.value.from !== "";
  const known = windows.map((seconds) => ({
    value: String(seconds),
    text: `last ${formatSpan(seconds)}`,
  }));
  return (
    <div class="choice">
      {instances.length > 1 && <NameSelect name="instance" label="Server" names={instances} />}
      <NameSelect name="model" label="Model" names={models} />
      <NameSelect name="engine" label="Engine" names={engines} />
      <Select
        name="window"
        label="Window"
        options={isPast ? [{ value: "", text: "selected span" }, ...known] : known}
        chosen={isPast ? "" : String(windowSeconds)}
      />
      {isPast && (
        <p id="span">
          {formatMoment(fromMs, timeMs)} – {formatMoment(toMs, timeMs)}{" "}
          <button type="button" onClick={goBack}>Back</button>{" "}
          <button type="button" onClick={() => choose({ from: "", to: "" })}>Live</button>
        </p>
      )}
    </div>
  );
}

/** The top bar. */
export function Top(): JSX.Element {
  const { state } = stream.value;
  const shown = view.value;
  return (
    <header class="top">
      <div class="top-row">
        <h1>
          vllm-metrics <span id="version" class="soft">{shown?.version}</span>
        </h1>
        <Targets targets={shown?.targets ?? []} />
        <p class="live">
          <span id="live" data-state={state}>{LIVE_STATES[state]}</span>
          {shown !== undefined && <Age shown={shown} />}
          <button id="pause" type="button" onClick={togglePause}>
            {state === "paused" ? "Resume" : "Pause"}
          </button>
          <button
            id="explain"
            type="button"
            aria-pressed={isExplaining.value}
            onClick={toggleExplanations}
          >
            Explain
          </button>
          <button type="button" aria-label="Keys" title="Keys (?)" onClick={toggleHelp}>?</button>
        </p>
      </div>
      <div class="top-row">
        {shown === undefined ? <div class="choice" /> : <Selection shown={shown} />}
        <p class="soft" id="recorded">
          {shown !== undefined && shown.recordedSinceMs !== null &&
            `Recorded since ${formatMoment(shown.recordedSinceMs, shown.timeMs)}. `}
          <span class="zone">Times: {TIME_ZONE}</span>
        </p>
      </div>
    </header>
  );
}

/** The end of the page. */
export function Foot(): JSX.Element {
  return (
    <footer>
      <nav class="foot" aria-label="Data">
        <a href="metrics">/metrics</a>
        <a href="-/metrics">/-/metrics</a>
        <a href={`api/v1/view${choiceQuery()}`}>API</a>
      </nav>
    </footer>
  );
}

/** Says that the connection is lost, or what the service rejected. */
export function Banner(): JSX.Element {
  const { state, detail } = stream.value;
  const timeMs = view.value?.timeMs;
  const shown = timeMs === undefined ? "" : ` Showing data from ${formatClock(timeMs)}.`;
  const text = state === "refused" ? detail : `vllm-metrics does not answer; retrying.${shown}`;
  return (
    <p class="banner" role="alert" hidden={state !== "refused" && state !== "lost"}>
      <span id="banner">{text}</span>
      {state === "refused" && <a id="start-over" href=".">Show all</a>}
    </p>
  );
}
