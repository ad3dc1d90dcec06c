/** The bodies that the bench sends: one engine, eight engines, and one too large to hold. */

/**
 * A family that vLLM does not send and that every body of the bench ends with:
 * its help and its label value hold `vllm:`, which only a variant that knows
 * names from values leaves alone.
 */
const PROBE = [
  "# HELP vllm:bench_probe_info Names such as vllm:bench_probe_info stay whole in a help text.",
  "# TYPE vllm:bench_probe_info gauge",
  'vllm:bench_probe_info{engine="0",model_name="org/vllm:probe"} 1.0',
  "",
].join("\n");

/** What vLLM puts into each sample that belongs to an engine. */
const ENGINE_LABEL = 'engine="0"';

/** Makes the body of one engine. */
export function oneEngine(capture: string): string {
  return capture.endsWith("\n") ? capture + PROBE : `${capture}\n${PROBE}`;
}

/**
 * Makes the body of several engines behind one front end: each family once, in
 * it the samples of each engine in turn, as `prometheus_client` writes them.
 * Samples without an engine, those of the process, stay single.
 */
export function severalEngines(capture: string, count: number): string {
  const out: string[] = [];
  let samples: string[] = [];
  const flush = (): void => {
    for (let engine = 0; engine < count; engine++) {
      for (const line of samples) {
        out.push(line.replace(ENGINE_LABEL, `engine="${engine}"`));
      }
    }
    samples = [];
  };
  for (const line of oneEngine(capture).split("\n")) {
    if (line.includes(ENGINE_LABEL)) {
      samples.push(line);
    } else {
      flush();
      out.push(line);
    }
  }
  flush();
  return out.join("\n");
}

/**
 * Makes one gauge family with very many series, as `vllm:lora_requests_info`
 * grows when adapters come and go.
 */
export function manySeries(minBytes: number): string {
  const out = [
    "# HELP vllm:lora_requests_info Running stats on lora requests.",
    "# TYPE vllm:lora_requests_info gauge",
  ];
  let bytes = 0;
  for (let index = 0; bytes < minBytes; index++) {
    const adapters = `tenant-${index}:v2,tenant-${index + 1}:v2`;
    const line =
      `vllm:lora_requests_info{max_lora="4",running_lora_adapters="${adapters}",waiting_lora_adapters="${adapters}"} 1.7954922402930465e+09`;
    out.push(line);
    bytes += line.length + 1;
  }
  return out.join("\n") + "\n";
}
