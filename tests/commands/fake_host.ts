/** A process for commands that run in this one. */

import type { Host } from "../../lib/commands/host.ts";

export interface FakeHostOptions {
  readonly args: readonly string[];
  readonly stdin: ReadableStream<Uint8Array<ArrayBuffer>>;
}

export interface FakeOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/** Makes a process with an empty environment and no files; it cannot listen. */
export function fakeHost(options: FakeHostOptions): { host: Host; output: () => FakeOutput } {
  const written: Uint8Array[] = [];
  let stdout = "";
  let stderr = "";
  function fail(): never {
    throw new Error("This process cannot do that");
  }
  const host: Host = {
    ...options,
    env: {},
    stdout: new WritableStream({
      write(bytes): void {
        written.push(bytes.slice());
      },
    }),
    terminal: () => undefined,
    print: (text) => void (stdout += text),
    printError: (text) => void (stderr += text),
    openLog: () => ({
      dropped: 0,
      write: (line) => void (stderr += line),
      flush: () => Promise.resolve(),
    }),
    readTextFile: () => {
      throw new Deno.errors.NotFound();
    },
    writeFiles: fail,
    listen: fail,
    onStopSignal: fail,
    now: () => 0,
    startedMs: 0,
    cpuSeconds: () => 0,
    residentBytes: () => 0,
    runtime: "2.0.0",
  };
  function output(): FakeOutput {
    const decoder = new TextDecoder();
    const text = written.map((bytes) => decoder.decode(bytes, { stream: true })).join("");
    return { stdout: stdout + text + decoder.decode(), stderr };
  }
  return { host, output };
}

// deno-lint-ignore no-control-regex -- control characters are what is looked for
const COLOUR = /\x1b\[\d+m/g;

/** A text without its colours. */
export function withoutColours(text: string): string {
  return text.replace(COLOUR, "");
}
