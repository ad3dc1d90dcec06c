/** The four golden signals: tiles with value, trend and SLO line; error budgets; cost. */

import type { JSX } from "preact";
import { LEVEL_WORDS, worstLevel } from "../levels.ts";
import type { Budget, Cost, Level, Tile, View } from "../view.ts";
import { isExplaining } from "./state.ts";
import { valueParts, valueText } from "./text.ts";

/** Size of the sparkline's box, which is stretched to its element. */
const SPARK = { width: 100, height: 24 };
/** A limit further above the values than this many times the largest one is left out. */
const FAR = 3;

/** The height of a value in the box, from 0 at the bottom to the largest at the top. */
function sparkY(value: number, largest: number): number {
  return SPARK.height - 1 - (largest === 0 ? 0 : (value / largest) * (SPARK.height - 2));
}

/** The `d` of a path; empty without values. */
function sparkPath(values: readonly (number | null)[], largest: number): string {
  const step = SPARK.width / Math.max(1, values.length - 1);
  let path = "";
  let isDown = false;
  values.forEach((value, index) => {
    if (value === null) {
      isDown = false;
      return;
    }
    const point = `${(index * step).toFixed(1)} ${sparkY(value, largest).toFixed(1)}`;
    // A point between gaps is a line of zero length, which round caps make visible.
    path += isDown ? `L${point}` : `M${point}h0`;
    isDown = true;
  });
  return path;
}

function Sparkline({ tile: { trend, limit } }: { readonly tile: Tile }): JSX.Element {
  const most = Math.max(0, ...trend.map((value) => value ?? 0));
  const isNear = limit !== null && limit > 0 && limit <= FAR * most;
  const largest = isNear ? Math.max(most, limit) : most;
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${SPARK.width} ${SPARK.height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {isNear && (
        <path
          class="limit"
          d={`M0 ${sparkY(limit, largest).toFixed(1)}h${SPARK.width}`}
        />
      )}
      <path d={sparkPath(trend, largest)} />
    </svg>
  );
}

/** A sign for each level: the words would take the room of the numbers. */
function LevelMark({ level }: { readonly level: Level }): JSX.Element {
  const [sign = "", word = ""] = LEVEL_WORDS[level].split(" ");
  return (
    <span class="level" title={word}>
      {sign}
      <span class="unseen">{word}</span>
    </span>
  );
}

function TileRow({ tile }: { readonly tile: Tile }): JSX.Element {
  const { id, title, level, value, below, note, explanation } = tile;
  const [number, unit] = valueParts(value, tile.unit, below);
  return (
    <li class="tile" id={`tile-${id}`} data-level={level}>
      <h4>{title}</h4>
      {value === null && note !== "" ? <p class="tile-value note">{note}</p> : (
        <>
          <Sparkline tile={tile} />
          <p class="tile-value">
            <span class="number">{number}</span>
            {unit !== "" && <span class="unit">{unit}</span>}
          </p>
        </>
      )}
      <LevelMark level={level} />
      {isExplaining.value && <p class="explanation">{explanation}</p>}
    </li>
  );
}

function times(value: number | null): string {
  return value === null ? "–" : `${valueText(value, "count")}×`;
}

/** What is left of an error budget; of one that is overspent how many times it is spent. */
function leftParts(left: number | null): [number: string, unit: string] {
  if (left === null) return ["", "no traffic"];
  return left < 0 ? [times(1 - left), "spent"] : [valueText(left, "share"), "left"];
}

function BudgetRow({ budget }: { readonly budget: Budget }): JSX.Element {
  const { id, title, target, left, burn5m, burn1h, level } = budget;
  const [number, unit] = leftParts(left);
  return (
    <li class="tile budget" id={`budget-${id}`} data-level={level}>
      <h4>
        {valueText(target, "share")} {title}
        <span>Error budget; burns {times(burn5m)} in 5 min, {times(burn1h)} in 1 h</span>
      </h4>
      <p class="tile-value">
        {number !== "" && <span class="number">{number}</span>}
        <span class="unit">{unit}</span>
      </p>
      <LevelMark level={level} />
      {isExplaining.value && (
        <p class="explanation">
          How much of the window’s error budget is left: {valueText(1 - target, "share")}{" "}
          of requests may miss the SLO (SLO_TARGET). A burn of 1× spends exactly that.
        </p>
      )}
    </li>
  );
}

/** The golden signals. */
export function Signals({ shown }: { readonly shown: View }): JSX.Element {
  const tiles = new Map(shown.tiles.map((tile) => [tile.id, tile]));
  const signals = shown.signals.map((signal) => ({
    ...signal,
    level: signal.id === "errors"
      ? worstLevel([signal.level, ...shown.budgets.map(({ level }) => level)])
      : signal.level,
    rows: signal.tiles.flatMap((id) => tiles.get(id) ?? []),
  }));
  const used = new Set(signals.flatMap(({ tiles }) => tiles));
  const rest = shown.tiles.filter(({ id }) => !used.has(id));
  const all = rest.length === 0
    ? signals
    : [...signals, { id: "more", title: "More", level: "none" as const, rows: rest }];
  return (
    <section aria-label="Now" class="signals">
      <h2 class="unseen">Now</h2>
      {all.map(({ id, title, level, rows }) => (
        <article key={id} class="signal" id={`signal-${id}`} data-level={level}>
          <header>
            <h3>{title}</h3>
            <span class="level">{LEVEL_WORDS[level]}</span>
          </header>
          <ul class="tiles">
            {rows.map((tile) => <TileRow key={tile.id} tile={tile} />)}
            {id === "errors" &&
              shown.budgets.map((budget) => <BudgetRow key={budget.id} budget={budget} />)}
          </ul>
        </article>
      ))}
    </section>
  );
}

/** An amount in the currency of the setting, which names none. */
function money(value: number | null): string {
  return value === null
    ? "–"
    : value.toLocaleString("en-US", { maximumFractionDigits: value < 1 ? 4 : 2 });
}

/** What the servers cost. */
export function CostList({ cost }: { readonly cost: Cost }): JSX.Element {
  const parts: readonly (readonly [string, number | null])[] = [
    ["Per hour", cost.perHour],
    ["Input (prefill), per hour", cost.inputPerHour],
    ["Output (decode), per hour", cost.outputPerHour],
    ["Idle, per hour", cost.idlePerHour],
    ["Per million input tokens", cost.perMillionInput],
    ["Per million output tokens", cost.perMillionOutput],
    ["Saved by the prefix cache, per hour", cost.savingsPerHour],
  ];
  return (
    <dl class="cost">
      {parts.map(([title, value]) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd class="number">{money(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
