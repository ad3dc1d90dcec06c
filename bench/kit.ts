/** What all benches share: a run, processes that are started and watched, and tables. */

import { parseArgs } from "node:util";

/** One run of a bench. Disposing it removes its files. */
export interface Run extends AsyncDisposable {
  /** A directory for files, which is also where processes run, away from any `.env`. */
  readonly dir: string;
  /** What `tools/std.ts` answered. */
  readonly denoArgs: readonly string[];
  /** Ends what the run has started, on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** What went wrong so far. */
  readonly faults: string[];
}

/** Writes to standard output. */
export function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

/** Begins a run. */
export async function startRun(): Promise<Run> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => stop.abort());
  }
  const dir = await Deno.makeTempDir({ prefix: "vllm-metrics-bench-" });
  await Deno.chmod(dir, 0o755); // For nginx's worker, which runs as nobody.
  return {
    dir,
    denoArgs: await stdArgs(),
    signal: stop.signal,
    faults: [],
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}

/**
 * Reads options that are whole numbers above 0.
 *
 * @throws {TypeError} When an option is unknown.
 * @throws {RangeError} When a value cannot be used.
 */
export function numbers<Name extends string>(
  args: readonly string[],
  defaults: Readonly<Record<Name, number>>,
): Record<Name, number> {
  const names = Object.keys(defaults);
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" } as const]));
  const { values } = parseArgs({ args: [...args], options });
  const read: Record<Name, number> = { ...defaults };
  for (const [name, text] of Object.entries(values)) {
    const value = Number(text);
    if (!Number.isInteger(value) || value <= 0) {
      throw new RangeError(`Cannot use --${name} "${text}": not a whole number above 0`);
    }
    Object.assign(read, { [name]: value });
  }
  return read;
}

/** Prints on what machine a bench runs, and how. */
export function printMachine(how: string): void {
  const load = (Deno.loadavg()[0] ?? 0).toFixed(1);
  print(
    `Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} processors, ${how}, ` +
      `load average ${load} before\n\n`,
  );
}

/** Tells what went wrong in a run. */
export function endOf({ faults }: Run): number {
  for (const fault of faults) print(`\n!!! FAULT: ${fault}\n`);
  return faults.length === 0 ? 0 : 1;
}

/** How long a server may take to answer for the first time, in milliseconds. */
const START_TIMEOUT_MS = 20_000;
/** Pause between two attempts to reach a server that starts, in milliseconds. */
const START_POLL_MS = 50;
/** The directory of the checkout. */
const ROOT = new URL("..", import.meta.url).pathname;
/** What a server gets of the environment: enough to find programs and modules, no settings. */
const KEPT_ENV = [
  ...["PATH", "HOME", "TMPDIR", "DENO_DIR", "XDG_CACHE_HOME"],
  ...["NPM_CONFIG_REGISTRY", "DENO_CERT", "DENO_TLS_CA_STORE"],
];

/** A process to start: what it runs, and when it is ready. */
export interface Launch {
  /** How to call it. */
  name: string;
  /** What it answers with success once it is ready. */
  url: string;
  /** Its arguments. */
  args: readonly string[];
  /** The program. @default {Deno, with the project's configuration} */
  command?: string;
  /** Its variables, beside those that every program needs. */
  env?: Record<string, string>;
  /** What asks, where the usual client would not trust it. */
  client?: Deno.HttpClient;
}

/** A process that answers. */
export interface Started extends AsyncDisposable {
  /** Where it answers. */
  url: string;
  /** The process and its children. */
  pids: readonly number[];
}

/** Asks `tools/std.ts` where the standard library comes from, as every task does. */
async function stdArgs(): Promise<string[]> {
  const permissions = ["-R=.", "-W=.std-source", "-N=jsr.io"];
  const args = ["run", "--no-config", "-q", ...permissions, "tools/std.ts"];
  const options = { args, cwd: ROOT, stderr: "inherit" } as const;
  const { stdout } = await new Deno.Command(Deno.execPath(), options).output();
  const words = new TextDecoder().decode(stdout).split(/\s+/).filter((word) => word !== "");
  return words.map((word) => word.replace("=", `=${ROOT}`));
}

/** Finds a port that nobody listens on. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function waitForAnswer(
  { name, url, client }: Launch,
  ended: Promise<unknown>,
): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  let gone = false;
  ended.then(() => gone = true);
  let seen = "no connection";
  while (!gone && Date.now() < deadline) {
    try {
      const response = await fetch(url, client === undefined ? {} : { client });
      const text = await response.text();
      if (response.ok) return;
      seen = `status ${response.status}: ${text.slice(0, 200).trim()}`;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, START_POLL_MS));
  }
  throw new Error(`Cannot start "${name}": ${gone ? "it ended at once" : seen}`);
}

/**
 * Starts a process and waits until it answers.
 *
 * @throws {Error} When it does not answer in time.
 */
export async function start(run: Run, launch: Launch): Promise<Started> {
  const kept = KEPT_ENV.map((key) => [key, Deno.env.get(key)] as const)
    .filter((entry): entry is readonly [string, string] => entry[1] !== undefined);
  const deno = ["run", "-q", "--config", `${ROOT}deno.json`, ...run.denoArgs];
  const child = new Deno.Command(launch.command ?? Deno.execPath(), {
    args: launch.command === undefined ? [...deno, ...launch.args] : [...launch.args],
    cwd: run.dir,
    clearEnv: true,
    env: { ...Object.fromEntries(kept), ...launch.env },
    signal: run.signal,
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  await using stack = new AsyncDisposableStack();
  stack.use(child);
  await waitForAnswer(launch, child.status);
  const pids = [child.pid, ...await childrenOf(child.pid)];
  const held = stack.move();
  return { url: launch.url, pids, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Starts a script of this folder on a port of its own; it answers on every path. */
export async function startScript(
  run: Run,
  name: string,
  args: readonly string[] = [],
): Promise<Started> {
  const port = freePort();
  const permissions = ["--allow-net=127.0.0.1", "--allow-read"];
  return await start(run, {
    name,
    url: `http://127.0.0.1:${port}/metrics`,
    args: [...permissions, `${ROOT}bench/${name}.ts`, "--port", String(port), ...args],
  });
}

/** Starts the service on a port of its own; `path` is what it answers once it is ready. */
export async function startService(
  run: Run,
  env: Record<string, string>,
  options: Partial<Launch> & { path?: string; args?: readonly string[] } = {},
): Promise<Started> {
  const { path = "/health", args = ["serve"], ...rest } = options;
  const port = freePort();
  return await start(run, {
    name: "ours",
    url: `http://127.0.0.1:${port}${path}`,
    ...rest,
    args: ["-P=serve", `${ROOT}main.ts`, ...args],
    env: {
      LISTEN_ADDRESS: `127.0.0.1:${port}`,
      MAX_SCRAPES_PER_SECOND: "100000",
      LOG_LEVEL: "warn",
      ...env,
    },
  });
}

/**
 * Opens the events of a page, and reads what it is sent.
 *
 * @throws {Error} When the service refuses it.
 */
export async function openPage(url: string): Promise<AsyncDisposable> {
  const response = await fetch(url);
  if (!response.ok || response.body === null) {
    throw new Error(`Cannot open "${url}": status ${response.status}`);
  }
  const reader = response.body.getReader();
  const read = async (): Promise<void> => {
    while (!(await reader.read()).done) { /* A page would draw it. */ }
  };
  const done = read();
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      await reader.cancel();
      await done;
    },
  };
}

/** Clock ticks a second in `/proc/<pid>/stat`: 100 for programs on every Linux (man 5 proc). */
const TICKS_PER_SECOND = 100;
/** Pause between two looks at a process that is being watched, in seconds. */
const SAMPLE_PAUSE_SECONDS = "0.003";

/** Processor time and memory, summed over the processes asked for. */
export interface Usage {
  /** User and system time since the start, in seconds. */
  cpuSeconds: number;
  /** Resident memory now, in KiB. */
  rssKib: number;
  /** The most resident memory since the start or the last {@linkcode resetPeak}, in KiB. */
  peakRssKib: number;
}

async function outputOf(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) {
    throw new Error(`Cannot run "${command}": ${new TextDecoder().decode(stderr).trim()}`);
  }
  return new TextDecoder().decode(stdout);
}

function sumOf(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)]
    .flatMap((match) => match.slice(1))
    .reduce((sum, digits) => sum + Number(digits), 0);
}

/**
 * Reads what processes have used so far.
 *
 * @throws {Error} When one of them has ended.
 */
export async function readUsage(pids: readonly number[]): Promise<Usage> {
  const paths = pids.flatMap((pid) => [`/proc/${pid}/stat`, `/proc/${pid}/status`]);
  const text = await outputOf("cat", paths);
  // utime and stime are fields 14 and 15; the name in field 2 may hold spaces.
  const ticks = sumOf(text, /^\d+ \(.*\) \S(?: -?\d+){10} (\d+) (\d+)/gm);
  return {
    cpuSeconds: ticks / TICKS_PER_SECOND,
    rssKib: sumOf(text, /^VmRSS:\s+(\d+) kB/gm),
    peakRssKib: sumOf(text, /^VmHWM:\s+(\d+) kB/gm),
  };
}

/** Finds the children of a process. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await outputOf("cat", [`/proc/${pid}/task/${pid}/children`]);
  return text.split(" ").filter((word) => word.trim() !== "").map(Number);
}

/** Makes the peak of {@linkcode readUsage} start again from what is resident now. */
export async function resetPeak(pids: readonly number[]): Promise<void> {
  const script = 'for pid; do echo 5 > "/proc/$pid/clear_refs"; done';
  await outputOf("sh", ["-c", script, "sh", ...pids.map(String)]);
}

/** Watches the resident memory of processes until it is stopped. */
export interface RssWatch extends AsyncDisposable {
  /** Stops watching. */
  stop(): Promise<number[]>;
}

/** Looks at the resident memory of processes every few milliseconds. */
export function watchRss(pids: readonly number[]): RssWatch {
  const script = `while grep -h VmRSS "$@" && echo; do sleep ${SAMPLE_PAUSE_SECONDS}; done`;
  const child = new Deno.Command("sh", {
    args: ["-c", script, "sh", ...pids.map((pid) => `/proc/${pid}/status`)],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const text = new Response(child.stdout).text();
  let stopped = false;
  const stop = async (): Promise<number[]> => {
    if (!stopped) child.kill();
    stopped = true;
    await child.status;
    // The last look may be cut short.
    return (await text).split("\n\n").slice(0, -1).map((look) => sumOf(look, /(\d+) kB/g));
  };
  return {
    stop,
    async [Symbol.asyncDispose](): Promise<void> {
      await stop();
    },
  };
}

/**
 * Lays out rows in columns. The first and the last column are text and lean to
 * the left, those between are figures and lean to the right.
 */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    }
  }
  const last = widths.length - 1;
  return rows.map((row) =>
    row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 || column === last ? cell.padEnd(width) : cell.padStart(width);
    }).join("  ").trimEnd() + "\n"
  ).join("");
}

/** Finds the middle of some figures. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? NaN;
  const high = sorted[Math.floor(middle)] ?? NaN;
  return (low + high) / 2;
}

/** Writes KiB as MiB. */
export function mebibytes(kib: number): string {
  return (kib / 1024).toFixed(1);
}
