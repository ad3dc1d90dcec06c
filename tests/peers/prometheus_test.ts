import { assert, assertEquals } from "@std/assert";
import { startServe } from "../commands/process.ts";
import { capture, renamed, seriesOf, serveCapture, until } from "../fakes.ts";
import { type QueriedSample, startPrometheus } from "./prometheus.ts";

/** Captures by job: Python's front end, its data-parallel one, Rust's, and Rust's that escapes not. */
const JOBS = {
  python: "colon-after-load",
  engines: "dp2-during-load",
  rust: "rust-after-load",
  unescaped: "rust-dp2-unescaped",
} as const;

/** The name of the model whose text is not escaped. */
const ODD_MODEL = 'acme/we"ird\\mo\tdel\nx:v1 ü模型 {a="b"}';

/** Types and help texts that must arrive. */
const FAMILIES: readonly [keyof typeof JOBS, string, string, RegExp][] = [
  ["python", "vllm_num_requests_running", "gauge", /^Number of requests in model execution/],
  ["python", "vllm_prompt_tokens_total", "counter", /^Number of prefill tokens processed\.$/],
  ["python", "vllm_time_to_first_token_seconds", "histogram", /^Histogram of time to first/],
  ["python", "vllm_cache_config_info", "gauge", /./],
  ["python", "python_gc_collections_total", "counter", /./],
  ["engines", "vllm_num_requests_running", "gauge", /./],
  ["rust", "vllm_num_requests_running", "gauge", /./],
  ["rust", "vllm_prompt_tokens_total", "counter", /./],
  ["rust", "vllm_time_to_first_token_seconds", "histogram", /./],
];

/** A sample's labels without those that Prometheus adds. */
function ownLabels({ metric }: QueriedSample): Record<string, string> {
  const { job: _, instance: __, ...labels } = metric;
  return labels;
}

/** A sample as a line of an exposition with its labels in order, to compare it by. */
function keyOf(labels: Readonly<Record<string, string>>): string {
  const { __name__: name = "", ...others } = labels;
  const pairs = Object.entries(others).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return `${name}{${pairs.toSorted().join()}}`;
}

/** The samples of a text capture: values by name and labels, read without the code under test. */
function samplesOf(text: string): Map<string, number> {
  return new Map([...seriesOf(renamed(text))].map(([series, value]) => {
    const [, name = "", inside = ""] = /^([^{]+)(?:\{(.*)\})?$/s.exec(series) ?? [];
    const labels: Record<string, string> = { __name__: name };
    for (const [, key = "", quoted = ""] of inside.matchAll(/(\w+)=("(?:[^"\\]|\\.)*")/g)) {
      labels[key] = JSON.parse(quoted);
      // Prometheus writes bounds of buckets and quantiles as numbers.
      if (key === "le" && labels[key] !== "+Inf") labels[key] = String(Number(labels[key]));
    }
    return [keyOf(labels), value] as const;
  }));
}

function numberOf(text: string): number {
  return text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text);
}

/** One bound may be written in several ways: `1`, `1.0`. */
function withPlainBounds(sample: QueriedSample): Record<string, string> {
  const labels = ownLabels(sample);
  const { le } = labels;
  return le === undefined || le === "+Inf" ? labels : { ...labels, le: String(Number(le)) };
}

Deno.test("Prometheus scrapes the service and has names, types, help texts and values", async () => {
  await using stack = new AsyncDisposableStack();
  const origins = await Promise.all(
    Object.entries(JOBS).map(async ([job, name]) => {
      const vllm = stack.use(serveCapture(name));
      const service = stack.use(await startServe({ env: { VLLM_METRICS_URL: vllm.origin } }));
      return [job, await service.origin()] as const;
    }),
  );
  await using prometheus = await startPrometheus(Object.fromEntries(origins));

  const targets = await prometheus.targets();
  for (const job of Object.keys(JOBS)) {
    const { health, lastError } = targets.get(job) ?? {};
    assertEquals([job, health, lastError], [job, "up", ""]);
  }
  // A scrape is known to have gone well a moment before its samples are.
  await until(async () => {
    const samples = await prometheus.query("up");
    const isUp = samples.length === targets.size && samples.every(({ value }) => value === "1");
    return isUp || undefined;
  }, "the samples of all jobs");

  for (const [job, name, type, help] of FAMILIES) {
    const known = (await prometheus.metadata(job)).get(name);
    assertEquals(known?.type, type, `${job} ${name}`);
    assert(help.test(known?.help ?? ""), `${job} ${name}: ${known?.help}`);
  }

  // Every sample that Python's front end sent is there, with its labels and its value.
  for (const job of ["python", "engines"] as const) {
    const sent = samplesOf(capture(JOBS[job]).text);
    const stored = await prometheus.query(`{job="${job}",__name__!~"up|scrape_.*"}`);
    const found = new Map(stored.map((sample) => [
      keyOf(withPlainBounds(sample)),
      numberOf(sample.value),
    ]));
    assertEquals(found.size, sent.size);
    for (const [key, value] of sent) assertEquals(found.get(key), value, key);
  }

  // Label values keep their colons, and names have none.
  const names = new Set<string>();
  let colons = 0;
  for (const sample of await prometheus.query('{job=~".+"}')) {
    const { __name__: name = "", instance: _, ...labels } = sample.metric;
    names.add(name);
    if (Object.values(labels).some((value) => value.includes(":"))) colons++;
  }
  assertEquals([...names].filter((name) => name.includes(":")), []);
  assert(colons > 0, "no label value has a colon");

  // The label values that Rust's front end does not escape arrive as they are meant.
  const running = await prometheus.query('vllm_num_requests_running{job="unescaped"}');
  assertEquals(running.map(({ metric }) => metric.engine).toSorted(), ["0", "1"]);
  for (const { metric } of running) assertEquals(metric.model_name, ODD_MODEL);
});
