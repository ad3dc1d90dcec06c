import { assert, assertEquals } from "@std/assert";
import type { SimulatedVllmOptions } from "../../lib/demo/simulated_vllm.ts";
import { capture } from "../fakes.ts";
import { startServer, steady } from "./server.ts";
import { type FamilyShape, shapeOf } from "./shape.ts";

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

Deno.test("engines have the same order for each value of a further label", () => {
  const scenario = steady({ engine: CAPTURED });
  const subject = startServer({ scenario, engines: 3 });
  const family = shapeOf(subject.text()).find(({ name }) =>
    name === "vllm:num_requests_waiting_by_reason"
  );
  const labels = family?.samples.map((sample) =>
    sample.replace(/^.*engine="(\d)".*reason="(\w+)".*$/, "$2 $1")
  );
  assertEquals(labels, [
    ...["capacity 0", "capacity 1", "capacity 2"],
    ...["deferred 0", "deferred 1", "deferred 2"],
  ]);
});

Deno.test("a model name is escaped in label values", () => {
  const subject = startServer({ model: 'a"b\\c\nd' });
  assert(subject.text().includes('model_name="a\\"b\\\\c\\nd"'));
});

Deno.test("only the Rust front end ends its text with # EOF", () => {
  assert(startServer({ frontend: "rust" }).text().endsWith("\n# EOF\n"));
  assert(!startServer().text().includes("# EOF"));
});
