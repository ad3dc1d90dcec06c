/**
 * The composition root: the only file that reads the environment and the
 * arguments, opens listeners, listens to signals and ends the process.
 */

import { dirname, join } from "node:path";
import process from "node:process";
import {
  type Host,
  type Listener,
  type ListenOptions,
  runCommand,
  type Terminal,
  type TextFile,
} from "./lib/commands/mod.ts";
import { LogWriter } from "./lib/log.ts";

const ENCODER = new TextEncoder();
/** A service manager, Ctrl-C, a terminal that closes, and Ctrl-\\. */
const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const;

/** Writes a whole text synchronously, so that nothing is lost when the process ends. */
function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = ENCODER.encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
}

/** Opens a listener. */
export function listen({ hostname, port, handler, onError, tls, again }: ListenOptions): Listener {
  // With a shared port, another process on it would go unnoticed.
  if (tls !== undefined && again !== true) Deno.listen({ hostname, port }).close();
  const server = Deno.serve({
    hostname,
    port,
    ...(tls === undefined ? {} : { cert: tls.cert, key: tls.key.reveal(), reusePort: true }),
    // gzip and br on request: about a tenth of the size.
    automaticCompression: true,
    onListen: () => {},
    onError: onError ?? ((): Response => new Response(null, { status: 500 })),
  }, handler);
  // Callers that care await `finished`; otherwise its rejection must not crash the process.
  server.finished.catch(() => {});
  return {
    port: server.addr.port,
    finished: server.finished,
    shutdown: () => server.shutdown(),
  };
}

function writeFiles(folder: string, files: readonly TextFile[]): void {
  // One prompt on a terminal instead of one for each folder and file.
  Deno.permissions.requestSync({ name: "write", path: folder });
  for (const { path, text } of files) {
    const name = join(folder, path);
    Deno.mkdirSync(dirname(name), { recursive: true });
    Deno.writeTextFileSync(name, text);
  }
}

function onStopSignal(stop: () => void): () => void {
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, stop);
  return () => {
    for (const signal of STOP_SIGNALS) Deno.removeSignalListener(signal, stop);
  };
}

/** Reads keys one by one, as they are pressed; Ctrl-C stays a signal. */
function onKey(press: (key: string) => void): () => void {
  if (!Deno.stdin.isTerminal()) return () => {};
  Deno.stdin.setRaw(true, { cbreak: true });
  const reader = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
  void (async (): Promise<void> => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      press(value);
    }
  })();
  return () => {
    Deno.stdin.setRaw(false);
    void reader.cancel();
  };
}

function terminal(): Terminal | undefined {
  return Deno.stdout.isTerminal() ? { size: () => Deno.consoleSize(), onKey } : undefined;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function createHost(): Host {
  return {
    args: Deno.args,
    env: Deno.env.toObject(),
    stdin: Deno.stdin.readable,
    stdout: Deno.stdout.writable,
    terminal,
    print: (text) => writeAll(Deno.stdout, text),
    printError: (text) => writeAll(Deno.stderr, text),
    openLog: (onResume) => new LogWriter((bytes) => Deno.stderr.write(bytes), onResume),
    readTextFile: (path) => Deno.readTextFileSync(path),
    writeFiles,
    listen,
    onStopSignal,
    now: () => Date.now(),
    startedMs: performance.timeOrigin,
    cpuSeconds,
    residentBytes: () => Deno.memoryUsage().rss,
    runtime: Deno.version.deno,
  };
}

if (import.meta.main) {
  Deno.exit(await runCommand(createHost()));
}
