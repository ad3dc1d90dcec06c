import { assert, assertEquals } from "@std/assert";
import { goFloat, rustFloat } from "../../lib/demo/metrics_text.ts";
import type { SimulatedVllmOptions } from "../../lib/demo/simulated_vllm.ts";
import { capture } from "../fakes.ts";
import { startServer, steady } from "./server.ts";

/** A family without values. */
interface FamilyShape {
  /** From its HELP and TYPE lines. */
  readonly name: string;
  /** From its TYPE line. */
  readonly type: string;
  /** From its HELP line. */
  readonly help: string;
  /** Names and labels of its samples, in order, each once. */
  readonly samples: readonly string[];
}

/** Labels whose values depend on the machine or the traffic. */
const MACHINE = /^(?:vllm:cache_config_info|python_info)\{/;
const REQUEST = /(handler|method|status)="[^"]*"/g;

/** A sample without what may differ between captures. */
function sampleShape(line: string): string {
  const sample = line.slice(0, line.lastIndexOf(" "));
  const masked = sample.replace(REQUEST, '$1=""');
  return MACHINE.test(sample) ? masked.replace(/="[^"]*"/g, '=""') : masked;
}

/** Reads an exposition whose families each begin with HELP and TYPE. */
function shapeOf(text: string): FamilyShape[] {
  const families: { name: string; type: string; help: string; samples: Set<string> }[] = [];
  for (const line of text.split("\n")) {
    const [, word, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    const last = families.at(-1);
    if (word === "HELP") families.push({ name, type: "", help: rest, samples: new Set() });
    else if (word === "TYPE" && last?.name === name) last.type = rest;
    else if (line !== "" && line !== "# EOF") last?.samples.add(sampleShape(line));
  }
  return families.map((family) => ({ ...family, samples: [...family.samples] }));
}

/** The captured model's length in tokens, which sets the buckets of lengths. */
const CAPTURED = { maxModelLen: 512 };
const SPECULATION = { acceptance: [0.7, 0.5, 0.3] };
/** With malformed and aborted requests, as in the captures. */
const TRAFFIC = { malformedShare: 0.1, abortShare: 0.1 };

/** The model of the captures of vLLM 0.33. */
const CAPTURED_33 = { maxModelLen: 2_048 };
const MODEL_33 = "lab/tiny";

/** A capture of vLLM 0.32 with the label added in 0.33. */
function asOf33(text: string): string {
  const added = 'simple_cpu_offload_num_blocks="None",';
  return text.includes(added)
    ? text
    : text.replaceAll("skip_page_size_padded=", (label) => added + label);
}

/** The Rust front end writes series in no fixed order, and finish reasons only once they occurred. */
function withoutOrder({ samples, ...head }: FamilyShape): FamilyShape {
  const masked = samples.map((each) => each.replace(/finished_reason="\w+"/, ""));
  return { ...head, samples: [...new Set(masked)].toSorted() };
}

const CASES: readonly [string, Partial<SimulatedVllmOptions>][] = [
  ["during-load-c40", {}],
  ["spec-after-load", {
    scenario: steady({ engine: { ...CAPTURED, speculation: SPECULATION }, workload: TRAFFIC }),
  }],
  ["dp2-during-load", { engines: 2 }],
  ["rust33-during-load", {
    scenario: steady({ engine: CAPTURED_33, workload: TRAFFIC }),
    frontend: "rust",
    model: MODEL_33,
  }],
];

Deno.test.each(CASES)(
  "the simulated server writes the families of %s",
  (name, options) => {
    const scenario = steady({ engine: CAPTURED, workload: TRAFFIC });
    const subject = startServer({ scenario, ...options });
    subject.run(300);
    const [actual, expected] = [shapeOf(subject.text()), shapeOf(asOf33(capture(name).text))];
    assert(expected.length > 40, `only ${expected.length} families in the capture`);
    assertEquals(actual.map((family) => family.name), expected.map((family) => family.name));
    const isRust = options.frontend === "rust";
    for (const [index, family] of expected.entries()) {
      const found = actual[index];
      if (!isRust) assertEquals(found, family);
      else assertEquals(found && withoutOrder(found), withoutOrder(family));
    }
  },
);

Deno.test.each([["idle", CAPTURED, {}], ["v33-idle", CAPTURED_33, { model: MODEL_33 }]] as const)(
  "a simulated server without requests writes the families of %s",
  (name, engine, options) => {
    const scenario = steady({ engine, workload: { requestsPerSecond: 0 } });
    const subject = startServer({ scenario, ...options });
    subject.run(60);
    assertEquals(shapeOf(subject.text()), shapeOf(asOf33(capture(name).text)));
  },
);

Deno.test("a simulated server without requests writes the families of rust-idle, and Mooncake's", () => {
  const scenario = steady({ workload: { requestsPerSecond: 0 } });
  const subject = startServer({ scenario, frontend: "rust" });
  subject.run(60);
  const isNew = ({ name }: { name: string }): boolean =>
    name.startsWith("vllm:mooncake_") && !name.startsWith("vllm:mooncake_store_");
  const actual = shapeOf(subject.text());
  const captured = shapeOf(capture("rust33-during-load").text);
  assertEquals(actual.filter((each) => !isNew(each)), shapeOf(capture("rust-idle").text));
  assertEquals(actual.filter(isNew).map(withoutLabels), captured.filter(isNew).map(withoutLabels));
});

function withoutLabels({ samples, ...head }: FamilyShape): unknown {
  return { ...head, samples: samples.map((each) => each.replace(/model_name="[^"]*"/, "")) };
}

Deno.test("a model name is escaped in label values", () => {
  const subject = startServer({ model: 'a"b\\c\nd' });
  assert(subject.text().includes('model_name="a\\"b\\\\c\\nd"'));
});

/** The values of a capture, as text. */
function writtenValues(name: string): string[] {
  return capture(name).text.split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.slice(line.lastIndexOf(" ") + 1));
}

Deno.test.each([["during-load-c40"], ["spec-after-load"], ["dp2-during-load"], ["idle"]])(
  "goFloat writes every value of %s as vLLM did",
  (name) => {
    const values = writtenValues(name);
    assert(values.length > 300);
    assertEquals(values.map((value) => goFloat(Number(value))), values);
  },
);

/** Rust's 17th digit is not always the nearest. */
function withoutLastOf17(value: string): string {
  return value.replace(/\D/g, "").replace(/^0+/, "").length < 17 ? value : value.slice(0, -1);
}

Deno.test("rustFloat and String write every value of the Rust front end as it did", () => {
  const values = writtenValues("rust-after-load");
  assert(values.length > 300);
  const written = values.map((value) =>
    value.includes(".") ? rustFloat(Number(value)) : String(Number(value))
  );
  assertEquals(written.map(withoutLastOf17), values.map(withoutLastOf17));
});

Deno.test.each([
  [0, "0.0"],
  [0.0001, "0.0001"],
  [0.000012345, "1.2345e-05"],
  [999_999, "999999.0"],
  [1_000_000, "1e+06"],
  [1_234_567.5, "1.2345675e+06"],
  [20_000_000_000, "2e+010"],
  [-1_234_567, "-1234567.0"],
])("goFloat writes %s as prometheus_client does", (value, text) => {
  assertEquals(goFloat(value), text);
});
