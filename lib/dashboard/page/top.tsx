/** The top of the page: servers, selection, age of the data, state of the stream. */

import type { JSX } from "preact";
import type { View, ViewTarget } from "../view.ts";
import type { LiveState } from "./live.ts";
import {
  type Choice,
  choice,
  choose,
  clock,
  receivedMs,
  stream,
  togglePause,
  view,
} from "./state.ts";
import { formatClock, formatMoment, formatSpan } from "./text.ts";

/** Servers that are listed; more would push the numbers off the screen. */
const MAX_LISTED = 8;

/** A shape and a word for each state, besides its color. */
const TARGET_STATES: Readonly<Record<ViewTarget["state"], string>> = {
  up: "● up",
  sleeping: "◐ sleeping",
  down: "■ down",
  unknown: "○ not scraped yet",
};
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

/** All servers if there are few; of many their number, and the first ones that are not up. */
function Targets({ targets }: { readonly targets: readonly ViewTarget[] }): JSX.Element {
  const isLong = targets.length > MAX_LISTED;
  const others = targets.filter(({ state }) => state !== "up");
  const up = targets.length - others.length;
  return (
    <>
      <p id="target-count">{isLong ? `${up} of ${targets.length} servers are up` : ""}</p>
      <ul id="targets" class="targets" aria-label="Servers">
        {(isLong ? others.slice(0, MAX_LISTED) : targets).map((target) => (
          <li key={target.instance} class="target" data-state={target.state}>
            <span class="target-state">{targetStateText(target)}</span>{" "}
            <bdi class="name" title={target.instance}>{target.instance}</bdi>
          </li>
        ))}
      </ul>
    </>
  );
}

/** How long ago the newest successful scrape was. */
function Age({ shown }: { readonly shown: View }): JSX.Element {
  const known = shown.targets.flatMap(({ lastSuccessMs }) => lastSuccessMs ?? []);
  const nowMs = shown.timeMs + Math.max(clock.value, receivedMs.value) - receivedMs.value;
  const text = known.length === 0
    ? "not scraped yet"
    : `scraped ${formatSpan((nowMs - Math.max(...known)) / 1_000)} ago`;
  return <span id="age" class="age">{text}</span>;
}

interface SelectOption {
  readonly value: string;
  readonly text: string;
}

/**
 * The options for names: one for all, then one per name. A selected name that is gone stays in the
 * list, so that the selection remains visible.
 */
function nameOptions(names: readonly string[], chosen: string, noun: string): SelectOption[] {
  const several = names.length > 1;
  const all = several ? `all ${noun} (${names.length})` : names[0] ?? `all ${noun}`;
  const isGone = chosen !== "" && !names.includes(chosen);
  return [
    { value: "", text: all },
    ...(several || chosen !== "" ? names : []).map((name) => ({ value: name, text: name })),
    ...(isGone ? [{ value: chosen, text: `${chosen} (gone)` }] : []),
  ];
}

function Select({ name, label, options, chosen }: {
  readonly name: keyof Choice;
  readonly label: string;
  readonly options: readonly SelectOption[];
  readonly chosen: string;
}): JSX.Element {
  // A select truncates long names.
  const title = options.find(({ value }) => value === chosen)?.text ?? "";
  return (
    <label>
      {label}{" "}
      <select
        id={name}
        title={title}
        value={chosen}
        onChange={(event) => choose({ [name]: event.currentTarget.value })}
      >
        {options.map(({ value, text }) => (
          <option key={value} value={value} selected={value === chosen}>{text}</option>
        ))}
      </select>
    </label>
  );
}

function Selection({ shown }: { readonly shown: View | undefined }): JSX.Element {
  const { instances = [], models = [], engines = [], windows = [] } = shown ?? {};
  const { instance, model, engine } = choice.value;
  return (
    <div class="choice">
      {(instances.length > 1 || instance !== "") && (
        <Select
          name="instance"
          label="Server"
          options={nameOptions(instances, instance, "servers")}
          chosen={instance}
        />
      )}
      <Select
        name="model"
        label="Model"
        options={nameOptions(models, model, "models")}
        chosen={model}
      />
      <Select
        name="engine"
        label="Engine"
        options={nameOptions(engines, engine, "engines")}
        chosen={engine}
      />
      <Select
        name="window"
        label="Window"
        options={windows.map((seconds) => ({
          value: String(seconds),
          text: `last ${formatSpan(seconds)}`,
        }))}
        chosen={String(shown?.windowSeconds ?? "")}
      />
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
          vllm-metrics <span id="version" class="version">{shown?.version}</span>
        </h1>
        <Targets targets={shown?.targets ?? []} />
        <p class="live">
          <span id="live" data-state={state}>{LIVE_STATES[state]}</span>
          {shown !== undefined && <Age shown={shown} />}
          <button id="pause" type="button" onClick={togglePause}>
            {state === "paused" ? "Resume" : "Pause"}
          </button>
        </p>
      </div>
      <div class="top-row">
        <Selection shown={shown} />
        <nav aria-label="Data">
          <a href="metrics">/metrics</a>
          <a href="-/metrics">/-/metrics</a>
          <a href="api/v1/view">API</a>
        </nav>
      </div>
    </header>
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
      {state === "refused" && <a id="start-over" href=".">Show everything</a>}
    </p>
  );
}
