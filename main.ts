/**
 * The composition root: the only file that reads the environment and the
 * arguments, opens listeners, listens to signals and ends the process.
 */

import { dirname, join } from "node:path";
import process from "node:process";
import { STATUS_CODE } from "@std/http/status";
import {
  type Host,
  type Listener,
  type ListenOptions,
  runCommand,
  type Terminal,
  type TextFile,
} from "./lib/commands/mod.ts";
import { MetricsError } from "./lib/errors.ts";

const ENCODER = new TextEncoder();

/** Writes all of a text before it returns: nothing is lost when the process ends. */
function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = ENCODER.encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
}

/** A body that breaks off has been told where that was found out; anything else is a fault of ours. */
function onError(error: unknown): Response {
  if (!(error instanceof MetricsError)) {
    const text = error instanceof Error ? error.message : String(error);
    writeAll(Deno.stderr, `vllm-metrics: unexpected error: ${text}\n`);
  }
  return new Response("Unexpected error.\n", {
    status: STATUS_CODE.InternalServerError,
    headers: { "x-content-type-options": "nosniff" },
  });
}

/**
 * Opens a listener.
 *
 * @param options Where, for whom, and with which certificate.
 * @returns The listener, which takes connections.
 */
export function listen({ hostname, port, handler, tls, again }: ListenOptions): Listener {
  // A shared port takes no notice of another process that has it already.
  if (tls !== undefined && again !== true) Deno.listen({ hostname, port }).close();
  const server = Deno.serve({
    hostname,
    port,
    ...(tls === undefined ? {} : { cert: tls.cert, key: tls.key.reveal(), reusePort: true }),
    // gzip and br for those who ask; the text is about a tenth then.
    automaticCompression: true,
    onListen: () => {},
    onError,
  }, handler);
  // Who needs to know waits for it; that it was not waited for shall not end the process.
  server.finished.catch(() => {});
  return {
    port: server.addr.port,
    finished: server.finished,
    shutdown: () => server.shutdown(),
  };
}

function writeFiles(folder: string, files: readonly TextFile[]): void {
  // One question on a terminal, in the place of one for each folder and file.
  Deno.permissions.requestSync({ name: "write", path: folder });
  for (const { path, text } of files) {
    const name = join(folder, path);
    Deno.mkdirSync(dirname(name), { recursive: true });
    Deno.writeTextFileSync(name, text);
  }
}

function onStopSignal(stop: () => void): () => void {
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  return () => {
    Deno.removeSignalListener("SIGINT", stop);
    Deno.removeSignalListener("SIGTERM", stop);
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
