import { assert, assertEquals } from "@std/assert";
import type { SimulatedVllmOptions } from "../../lib/demo/simulated_vllm.ts";
import { capture } from "../fakes.ts";
import { startServer, steady } from "./server.ts";
import { shapeOf } from "./shape.ts";

/** Length of the model that was captured, in tokens: the buckets of lengths depend on it. */
const CAPTURED = { maxModelLen: 512 };
const SPECULATION = { acceptance: [0.7, 0.5, 0.3] };
/** A route that counts what is malformed as well, and clients that go away, as in the captures. */
const TRAFFIC = { malformedShare: 0.1, abortShare: 0.1 };

const CASES: readonly [string, Partial<SimulatedVllmOptions>][] = [
  ["during-load-c40", {}],
  ["spec-after-load", {
    scenario: steady({ engine: { ...CAPTURED, speculation: SPECULATION }, workload: TRAFFIC }),
  }],
  ["dp2-during-load", { engines: 2 }],
  ["rust-after-load", { frontend: "rust" }],
];

Deno.test.each(CASES)(
  "the simulated server writes the families of %s",
  (name, options) => {
    const scenario = steady({ engine: CAPTURED, workload: TRAFFIC });
    const subject = startServer({ scenario, ...options });
    subject.run(300);
    const [actual, expected] = [shapeOf(subject.text()), shapeOf(capture(name).text)];
    assert(expected.length > 40, `only ${expected.length} families in the capture`);
    assertEquals(actual.map((family) => family.name), expected.map((family) => family.name));
    for (const [index, family] of expected.entries()) assertEquals(actual[index], family);
  },
);

Deno.test.each([["idle", "python"], ["rust-idle", "rust"]] as const)(
  "a simulated server without requests writes the families of %s",
  (name, frontend) => {
    const scenario = steady({ engine: CAPTURED, workload: { requestsPerSecond: 0 } });
    const subject = startServer({ scenario, frontend });
    subject.run(60);
    assertEquals(shapeOf(subject.text()), shapeOf(capture(name).text));
  },
);

Deno.test("engines come in the same order under each value of a further label", () => {
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
