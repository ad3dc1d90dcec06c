/** The service and its commands as processes of their own, started as the tasks start them. */

import { SETTING_NAMES } from "../../lib/config/settings.ts";
import { LogLines, within } from "../fakes.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
/** Variables that would lead requests elsewhere than the tests want. */
const PROXY_NAME = /^(?:https?|all|no)_proxy$/i;

export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Where it runs. @default {the root of the file system, where no `.env` is} */
  readonly cwd?: string;
  /** What it reads from standard input; nothing without. */
  readonly stdin?: Uint8Array<ArrayBuffer>;
  /** How many files, sockets among them, it may have open; as many as the system lets it without. */
  readonly openFiles?: number;
  /** Whether its standard error, a pipe, is full before it starts, so that a write to it blocks. */
  readonly isLogFull?: boolean;
  /** After how many bytes its standard output is closed, as `head` does it; never without. */
  readonly readBytes?: number;
}

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running extends AsyncDisposable {
  readonly pid: number;
  readonly log: LogLines;
  readonly code: Promise<number>;
  /** Closes the pipes that its output goes to, as a reader does that has gone. */
  closeLog(): Promise<void>;
  kill(signal: Deno.Signal): void;
  /** Waits until it listens; gives its address on the loopback device. */
  origin(): Promise<string>;
}

let standardLibrary: Promise<string[]> | undefined;

/** The option that lets `deno` find the standard library, as every task asks for it. */
function importMap(): Promise<string[]> {
  async function ask(): Promise<string[]> {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-config",
        "-q",
        "-R=.std-source",
        "-W=.std-source",
        "-N=jsr.io",
        "tools/std.ts",
      ],
      cwd: ROOT,
    }).output();
    const options = new TextDecoder().decode(stdout).trim().split(" ");
    return options.map((option) => option.replace("=", `=${ROOT}`));
  }
  return standardLibrary ??= ask();
}

/** The environment of the tests without what configures the service. */
function environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = Object.entries(Deno.env.toObject())
    .filter(([name]) => !SETTING_NAMES.includes(name) && !PROXY_NAME.test(name));
  // A test that counts scrapes wants none that nobody asked for.
  return { ...Object.fromEntries(kept), NO_COLOR: "1", HISTORY_IDLE_INTERVAL: "0", ...more };
}

async function commandFor(
  words: readonly string[],
  options: ProcessOptions,
): Promise<Deno.Command> {
  const { openFiles, isLogFull = false } = options;
  const deno = Deno.execPath();
  const args = ["run", "-q", ...await importMap(), "-P=serve", `${ROOT}main.ts`, ...words];
  const first = [
    ...openFiles === undefined ? [] : [`ulimit -n ${openFiles}`],
    // As much as a pipe of Linux holds.
    ...isLogFull ? ["head -c 65536 /dev/zero >&2"] : [],
  ];
  const [command, before] = first.length === 0
    ? [deno, []]
    : ["sh", ["-c", `${first.join(" && ")} && exec "$@"`, "sh", deno]];
  return new Deno.Command(command, {
    args: [...before, ...args],
    cwd: options.cwd ?? "/",
    env: environment(options.env),
    clearEnv: true,
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs a command to its end. */
export async function run(words: readonly string[], options: ProcessOptions = {}): Promise<Output> {
  const child = (await commandFor(words, options)).spawn();
  const [{ code }, stdout, stderr] = await within(
    Promise.all([
      child.status,
      textOf(child.stdout, options.readBytes),
      textOf(child.stderr),
      options.stdin === undefined ? undefined : feed(child.stdin, options.stdin),
    ]),
    () => "the process did not end",
  );
  return { code, stdout, stderr };
}

/** Reads a stream as text, and closes it when so many characters have come. */
async function textOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  enough = Infinity,
): Promise<string> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.length >= enough) break;
  }
  return text;
}

async function feed(stdin: WritableStream<Uint8Array>, bytes: Uint8Array): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(bytes);
    await writer.close();
  } catch (error) {
    // A process may end before it has read all.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Starts `serve`, with the variables that a test wants; it listens on a port of its own. */
export async function startServe(options: ProcessOptions): Promise<Running> {
  const env = { LISTEN_ADDRESS: "127.0.0.1:0", ...options.env };
  return await start(["serve"], { ...options, env });
}

/** Starts `serve` without reading its log. */
export async function startUnread(options: ProcessOptions): Promise<Deno.ChildProcess> {
  return (await commandFor(["serve"], options)).spawn();
}

/** Starts a command that goes on until it is ended. */
export async function start(words: readonly string[], options: ProcessOptions): Promise<Running> {
  return follow((await commandFor(words, options)).spawn());
}

/** Runs a task of `deno.json`, as a user runs it. */
export function startTask(name: string, options: ProcessOptions): Running {
  return follow(
    new Deno.Command(Deno.execPath(), {
      args: ["task", name],
      cwd: ROOT,
      env: environment(options.env),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
}

function follow(child: Deno.ChildProcess): Running {
  const log = new LogLines();
  const deaf = new AbortController();
  const reading = Promise.all(
    [child.stdout, child.stderr].map((stream) => readLines(stream, log, deaf.signal)),
  );
  const code = Promise.all([child.status, reading]).then(([status]) => status.code);
  return {
    pid: child.pid,
    log,
    code,
    async closeLog(): Promise<void> {
      deaf.abort();
      await reading;
    },
    kill: (signal) => child.kill(signal),
    async origin(): Promise<string> {
      const line = await log.seen("msg=Listening");
      const port = /address=\S*:(\d+)/.exec(line)?.[1];
      return `http://${line.includes("address=[") ? "[::1]" : "127.0.0.1"}:${port}`;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      try {
        child.kill("SIGKILL");
      } catch (error) {
        // It has ended already.
        if (!(error instanceof TypeError)) throw error;
      }
      await code;
    },
  };
}

async function readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  log: LogLines,
  signal: AbortSignal,
): Promise<void> {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  signal.addEventListener("abort", () => void reader.cancel());
  let open = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (open + value).split("\n");
    open = lines.pop() ?? "";
    for (const line of lines) log.push(line);
  }
  if (open !== "") log.push(open);
}

/** One data point, as OTLP in JSON. */
const ONE_POINT = JSON.stringify({
  resourceMetrics: [{
    scopeMetrics: [{
      metrics: [{ name: "a", gauge: { dataPoints: [{ timeUnixNano: "1", asInt: "1" }] } }],
    }],
  }],
});

/** Waits until the relay of a process listens; gives a function that sends it one data point. */
export async function pointSender(service: Running): Promise<() => Promise<Response>> {
  const line = await service.log.seen("Relaying OTLP");
  const relay = `http://${/address=(\S+)/.exec(line)?.[1]}/v1/metrics`;
  const headers = { "content-type": "application/json", authorization: "Basic YTpi" };
  return () => fetch(relay, { method: "POST", headers, body: ONE_POINT });
}
