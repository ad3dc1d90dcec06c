/** The explorer: any recorded metric as a chart, by a label. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Chart } from "../view.ts";
import { ChartCard } from "./chart.tsx";
import { choice, choiceQuery, view } from "./state.ts";

/** A metric that was recorded. */
interface Family {
  readonly name: string;
  readonly kind: "gauge" | "counter" | "histogram";
  readonly labels: readonly string[];
}

/** What can be shown of a kind of metric. */
const SHOWN: Readonly<Record<Family["kind"], readonly string[]>> = {
  gauge: ["value"],
  counter: ["rate"],
  histogram: ["p95", "p50", "p99", "mean", "rate"],
};

/** Whether a value has a chart's outer form, which is enough of our own service. */
function isChart(value: unknown): value is Chart {
  return typeof value === "object" && value !== null && "series" in value && "times" in value;
}

function isFamily(value: unknown): value is Family {
  return typeof value === "object" && value !== null && "kind" in value && "labels" in value;
}

async function ask(query: string): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(`api/v1/explore${query}`);
  return response.ok ? await response.json() : {};
}

function Options({ label, value, options, onChoose }: {
  readonly label: string;
  readonly value: string;
  readonly options: readonly string[];
  readonly onChoose: (value: string) => void;
}): JSX.Element {
  return (
    <label>
      {label}{" "}
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        {options.map((text) => (
          <option key={text} value={text} selected={text === value}>{text || "nothing"}</option>
        ))}
      </select>
    </label>
  );
}

/** The explorer. */
export function Explorer(): JSX.Element {
  const families = useSignal<readonly Family[] | undefined>(undefined);
  const chosen = useSignal({ family: "", show: "", by: "" });
  const chart = useSignal<Chart | undefined>(undefined);
  const pick = (family: Family | undefined): void => {
    if (family === undefined) return;
    chosen.value = { family: family.name, show: SHOWN[family.kind][0] ?? "", by: "" };
  };
  useEffect(() => {
    void ask("").then((reply) => {
      families.value = Array.isArray(reply.families) ? reply.families.filter(isFamily) : [];
      pick(families.value[0]);
    });
  }, []);
  useEffect(() => {
    const { family, show, by } = chosen.value;
    if (family === "") return;
    let isOld = false;
    void ask(choiceQuery({ family, show, by })).then((reply) => {
      if (!isOld) chart.value = isChart(reply.chart) ? reply.chart : undefined;
    });
    return () => isOld = true;
  }, [chosen.value, choice.value, view.value?.timeMs]);
  const known = families.value;
  if (known === undefined || known.length === 0) {
    return <p class="soft">{known === undefined ? "Loading…" : "Nothing is recorded yet."}</p>;
  }
  const { family, show, by } = chosen.value;
  const current = known.find(({ name }) => name === family);
  return (
    <>
      <div class="choice">
        <Options
          label="Metric"
          value={family}
          options={known.map(({ name }) => name)}
          onChoose={(name) => pick(known.find((each) => each.name === name))}
        />
        <Options
          label="Show"
          value={show}
          options={current === undefined ? [] : SHOWN[current.kind]}
          onChoose={(next) => chosen.value = { family, show: next, by }}
        />
        <Options
          label="By"
          value={by}
          options={["", ...current?.labels ?? []]}
          onChoose={(next) => chosen.value = { family, show, by: next }}
        />
      </div>
      {chart.value !== undefined && (
        <div class="charts">
          <ChartCard chart={chart.value} />
        </div>
      )}
    </>
  );
}
