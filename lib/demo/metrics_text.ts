/** Writes `/metrics` of a simulated server from the template of its front end. */

import type { Engine } from "./engine.ts";
import { BLOCK_TOKENS } from "./scenario.ts";
import type { ServerRun, SimulatedVllm } from "./simulated_vllm.ts";
import { type HandlerStats, Histogram, type Summary } from "./stats.ts";
import sglangTemplate from "./sglang.txt" with { type: "text" };
import pythonTemplate from "./vllm_python.txt" with { type: "text" };
import rustTemplate from "./vllm_rust.txt" with { type: "text" };

interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly lines: readonly TemplateLine[];
}

interface TemplateLine {
  /** With braces; empty without labels. */
  readonly labels: string;
  /** Name of its number. */
  readonly value: string;
  /** Name of the number that must be above 0 for the line to be written. */
  readonly condition: string | undefined;
}

/** A line of the template for one engine. */
interface Line extends TemplateLine {
  /** Index of the engine; 0 for a line of the whole server. */
  readonly engine: number;
}

/** Which number of a line's value is written; a bucket by its index. */
type Part = "value" | "count" | "sum" | "created" | number;

/** A line of the text up to its number. */
interface Sample {
  readonly start: string;
  readonly line: Line;
  readonly part: Part;
}

/** A family, or the `_created` gauges of one. */
interface Block {
  readonly head: string;
  readonly samples: readonly Sample[];
  /** Whether it is omitted while none of its samples is written. */
  readonly isOptional: boolean;
}

/** Metrics of the process: not written by several API servers, and without `_created`. */
const PROCESS = /^(?:python|process)_/;
/** The order of types that several API servers write. */
const MULTIPROCESS_ORDER = ["gauge", "histogram", "summary", "counter"];

const TEMPLATES = {
  python: parse(pythonTemplate),
  rust: parse(rustTemplate),
  sglang: parse(sglangTemplate),
};

function parse(template: string): Family[] {
  return template.split("# HELP ").slice(1).map((block) => {
    const [head = "", type = "", ...lines] = block.split("\n");
    const [, name = "", help = ""] = /^(\S+) (.*)$/.exec(head) ?? [];
    return {
      name,
      type: type.slice(type.lastIndexOf(" ") + 1),
      help,
      lines: lines.filter((line) => line !== "").map((line) => {
        const [series = "", value = "", , condition] = line.split(" ");
        return { labels: series.replace(/^[^{]*/, ""), value, condition };
      }),
    };
  });
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function headOf(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function valueOf(values: Values, name: string): number | Summary {
  const value = values[name] ?? Number(name);
  if (Number.isNaN(value)) {
    throw new Error(`Cannot write metrics: the template names "${name}", which is no value.`);
  }
  return value;
}

/** How often a series was observed; a plain number counts itself. */
function countOf(value: number | Summary): number {
  return typeof value === "number" ? value : value.count;
}

function partOf(value: number | Summary, part: Part): number {
  if (part === "sum" && typeof value !== "number") return value.sum;
  const isBucket = typeof part === "number" && value instanceof Histogram;
  return isBucket ? value.cumulative(part) : countOf(value);
}

/** The samples of a line in the front end's order; `value` tells its kind and buckets. */
function samplesOf(
  name: string,
  line: Line,
  value: number | Summary,
  order: readonly ("bucket" | "count" | "sum")[],
): Sample[] {
  if (typeof value === "number") return [sampleOf(name, line, "value")];
  const bounds = value instanceof Histogram ? [...value.bounds.map(rustFloat), "+Inf"] : [];
  const parts = {
    bucket: bounds.map((bound, index) => sampleOf(`${name}_bucket`, line, index, bound)),
    count: [sampleOf(`${name}_count`, line, "count")],
    sum: [sampleOf(`${name}_sum`, line, "sum")],
  };
  return order.flatMap((part) => parts[part]);
}

function sampleOf(name: string, line: Line, part: Part, bound?: string): Sample {
  const labels = bound === undefined
    ? line.labels.replace(/le="\$le",?/, "").replace("{}", "")
    : line.labels.replace("$le", bound);
  return { start: `${name}${labels} `, line, part };
}

/** Writes the metrics of one server again and again. */
export class MetricsText {
  readonly #server: SimulatedVllm;
  readonly #isRust: boolean;
  #run: ServerRun | undefined;
  #blocks: readonly Block[] = [];

  /** Writes nothing yet. */
  constructor(server: SimulatedVllm) {
    this.#server = server;
    this.#isRust = server.frontend === "rust";
  }

  /** The `Content-Type` of the front end. */
  get contentType(): string {
    return this.#isRust
      ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
      : "text/plain; version=1.0.0; charset=utf-8";
  }

  /** The text with the current numbers. */
  text(): string {
    const values = this.#values();
    // A restarted server has new engines.
    if (this.#server.run !== this.#run) {
      this.#run = this.#server.run;
      this.#blocks = this.#families().flatMap((family) => this.#blocksOf(family, values));
    }
    let text = "";
    for (const { head, samples, isOptional } of this.#blocks) {
      let lines = "";
      for (const { start, line, part } of samples) {
        const own = values[line.engine] ?? {};
        if (line.condition !== undefined && countOf(valueOf(own, line.condition)) === 0) continue;
        lines += `${start}${this.#number(line, part, own)}\n`;
      }
      if (lines !== "" || !isOptional) text += head + lines;
    }
    return this.#isRust ? `${text}# EOF\n` : text;
  }

  /** The numbers of each engine together with those of the server. */
  #values(): Values[] {
    const whole = serverValues(this.#server);
    const { engines } = this.#server.run;
    if (engines.length === 0) return [whole];
    return engines.map((engine) => ({ ...whole, ...engineValues(engine) }));
  }

  #number({ value: name }: Line, part: Part, values: Values): string {
    const number = part === "created"
      ? createdMs(this.#server, name) / 1_000
      : partOf(valueOf(values, name), part);
    if (!this.#isRust) return goFloat(number);
    return part === "sum" || name === "kvUsage" ? rustFloat(number) : String(number);
  }

  /** Several processes: vLLM's API servers, one for each engine, and always those of SGLang. */
  get #isMultiprocess(): boolean {
    const { frontend, run: { engines } } = this.#server;
    return frontend === "sglang" || (!this.#isRust && engines.length > 1);
  }

  #families(): Family[] {
    const { frontend } = this.#server;
    if (frontend !== "python") return TEMPLATES[frontend];
    const isMulti = this.#isMultiprocess;
    const hasSpeculation = this.#server.speculation !== undefined;
    const families = TEMPLATES.python.filter(({ name }) =>
      !(isMulti && PROCESS.test(name)) &&
      (hasSpeculation || !name.startsWith("vllm:spec_decode_"))
    );
    const rank = ({ type }: Family): number => MULTIPROCESS_ORDER.indexOf(type);
    return isMulti ? families.toSorted((one, other) => rank(one) - rank(other)) : families;
  }

  #blocksOf(family: Family, values: readonly Values[]): Block[] {
    const { name, type, help } = family;
    const isMulti = this.#isMultiprocess;
    const lines = family.lines.flatMap((line) => this.#expand(line));
    const written = this.#isRust && type === "counter" ? `${name}_total` : name;
    const order = this.#isRust
      ? ["sum", "count", "bucket"] as const
      : isMulti && type === "histogram"
      ? ["sum", "bucket", "count"] as const
      : ["bucket", "count", "sum"] as const;
    const samples = lines.flatMap((line) =>
      samplesOf(written, line, valueOf(values[line.engine] ?? {}, line.value), order)
    );
    const block = { head: headOf(name, type, help), samples, isOptional: false };
    if (this.#isRust || isMulti || type === "gauge" || PROCESS.test(name)) return [block];
    const created = `${type === "counter" ? name.replace(/_total$/, "") : name}_created`;
    return [block, {
      head: headOf(created, "gauge", help),
      samples: lines.map((line) => sampleOf(created, line, "created")),
      isOptional: true,
    }];
  }

  /** One line of the template for each engine and position that it mentions. */
  #expand(line: TemplateLine): Line[] {
    const { run: { engines }, model, speculation } = this.#server;
    const has = (name: string): boolean => line.labels.includes(`="$${name}"`);
    const positions = has("position") ? (speculation?.acceptance ?? []).keys() : [0];
    return [...positions].flatMap((position) =>
      [...(has("engine") ? engines.keys() : [0])].map((engine) => {
        const { numGpuBlocks = 0, maxModelLen = 1 } = engines[engine]?.options ?? {};
        const tokens = numGpuBlocks * BLOCK_TOKENS;
        const fills: Readonly<Record<string, string>> = {
          engine: String(engine),
          model: escaped(model),
          position: String(position),
          blocks: String(numGpuBlocks),
          tokens: String(tokens),
          concurrency: rustFloat(tokens / maxModelLen),
        };
        const fill = (text: string): string =>
          text.replace(/\$(\w+)/g, (whole, name) => fills[name] ?? whole);
        return { ...line, labels: fill(line.labels), value: fill(line.value), engine };
      })
    );
  }
}

/** Numbers, summaries and histograms by their name in the templates. */
type Values = Readonly<Record<string, number | Summary>>;

/** How long the process loads before it is ready, in milliseconds. */
const LOADING_MS = 25_000;
/** CPU time of loading, and per second of serving. */
const LOADING_CPU_SECONDS = 19;
const CPU_SHARE = 0.31;
/** Objects collected and collections per second, by generation of Python's garbage collector. */
const OBJECTS_PER_SECOND = [41, 6.3, 0.9];
const COLLECTIONS_PER_SECOND = [1.9, 0.17, 0.012];

const TRANSFER_TIMES = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 5];

/** What is not simulated: KV cache sampling and transfers. */
const EMPTY = {
  blockTimes: new Histogram([
    ...[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5],
    ...[1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800],
  ]),
  transferTimes: new Histogram(TRANSFER_TIMES),
  postTimes: new Histogram([0.001, ...TRANSFER_TIMES]),
  transferBytes: new Histogram(Array.from({ length: 12 }, (_, power) => 2_048 * 4 ** power)),
  transferDescriptors: new Histogram([
    ...[10, 20, 30, 50, 75, 100, 200, 400],
    ...[1_000, 2_000, 4_000, 10_000, 20_000, 50_000],
  ]),
};

function indexed(name: string, values: readonly number[]): Values {
  return Object.fromEntries(values.map((value, index) => [name + index, value]));
}

/** The numbers of one route. */
function routeValues(prefix: string, stats: HandlerStats): Values {
  const { requests, durations, received, sent } = stats;
  const values = { ...requests, Seconds: durations, Received: received, Sent: sent };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
}

/** The numbers of a server as a whole: its process, HTTP side and queue limits. */
function serverValues({ run, nowMs, state }: SimulatedVllm): Values {
  const { startMs, rejected, http } = run;
  const cpuSeconds = LOADING_CPU_SECONDS + CPU_SHARE * (nowMs - startMs) / 1_000;
  const inProcess = (rate: number): number =>
    Math.floor(rate * ((nowMs - startMs + LOADING_MS) / 1_000));
  return {
    ...EMPTY,
    processStart: (startMs - LOADING_MS) / 1_000,
    cpuSeconds: Math.round(cpuSeconds * 100) / 100,
    ...indexed("objects", OBJECTS_PER_SECOND.map(inProcess)),
    ...indexed("collections", COLLECTIONS_PER_SECOND.map(inProcess)),
    awake: Number(state === "awake"),
    asleep: Number(state === "asleep"),
    rejected,
    httpSeconds: http.durations,
    ...routeValues("chat", http.handlers["/v1/chat/completions"]),
    ...routeValues("completions", http.handlers["/v1/completions"]),
  };
}

/** The numbers of an engine. */
function engineValues({ stats, running, waiting, kvUsage, options }: Engine): Values {
  const { acceptedByPosition, finished, ...counted } = stats;
  return {
    ...counted,
    ...finished,
    ...indexed("accepted", acceptedByPosition),
    acceptedTokens: acceptedByPosition.reduce((sum, accepted) => sum + accepted, 0),
    computedTokens: stats.computedTokens,
    ended: stats.endToEnd.count,
    hitRate: stats.prefixHits / (stats.prefixQueries || 1),
    usedTokens: Math.round(kvUsage * options.numGpuBlocks) * BLOCK_TOKENS,
    running,
    waiting,
    kvUsage,
  };
}

/** When a series was created, in milliseconds since 1970: at the start, or with its first request. */
function createdMs({ run }: SimulatedVllm, name: string): number {
  const [, route, what = ""] = /^(chat|completions)(.*)$/.exec(name) ?? [];
  if (route === undefined) return run.startMs;
  const handlers = run.http.handlers;
  const { firstMs } = handlers[route === "chat" ? "/v1/chat/completions" : "/v1/completions"];
  return firstMs.get(what) ?? Math.min(...firstMs.values());
}

/** A float as Rust writes it: `1.0`, `0.000075052`. */
export function rustFloat(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/**
 * A number as Python's prometheus_client writes it: `repr` of a float, but with an exponent from
 * seven digits before the point on: `1.0`, `1e-05`, `1.7954919110360353e+09`, `1e+06`.
 */
export function goFloat(value: number): string {
  if (value !== 0 && Math.abs(value) < 1e-4) {
    const [digits = "", exponent = ""] = value.toExponential().split("e-");
    return `${digits}e-${exponent.padStart(2, "0")}`;
  }
  const text = rustFloat(value);
  const point = text.indexOf(".");
  if (value < 0 || point <= 6) return text;
  const digits = `${text.slice(0, point)}${text.slice(point + 1)}`.replace(/0+$/, "");
  const mantissa = digits.length === 1 ? digits : `${digits[0]}.${digits.slice(1)}`;
  return `${mantissa}e+0${point - 1}`;
}
