/** What commands may use of the process. `main.ts` provides the real one. */

import type { Environment } from "../config/env_file.ts";
import type { Listener, ListenOptions } from "../net/listener.ts";

export type { Listener, ListenOptions };

/** Where log lines go. */
export interface LogOutput {
  /** Lines lost because nobody read them. */
  readonly dropped: number;
  /** Queues a line; never waits. */
  write(line: string): void;
  /** Waits until all lines are written, at most this many milliseconds. */
  flush(timeoutMs: number): Promise<void>;
}

/** The terminal on standard output. */
export interface Terminal {
  /** Its size in characters and lines. */
  size(): { readonly columns: number; readonly rows: number };
  /** Calls a function at each key; returns a function that stops it. */
  onKey(press: (key: string) => void): () => void;
}

/** A file to write. */
export interface TextFile {
  /** Its path within the folder, with `/` between. */
  readonly path: string;
  /** Its text. */
  readonly text: string;
}

/** The process, as far as commands need it. */
export interface Host {
  /** The arguments after the command's name. */
  readonly args: readonly string[];
  /** The process environment. */
  readonly env: Environment;
  /** Standard input. */
  readonly stdin: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Standard output. */
  readonly stdout: WritableStream<Uint8Array<ArrayBuffer>>;
  /** The terminal on standard output; undefined if there is none. */
  terminal(): Terminal | undefined;
  /** Writes a text to standard output, all of it. */
  print(text: string): void;
  /** Writes a text to standard error, all of it. */
  printError(text: string): void;
  /** Opens standard error for log lines, which are written in the background. */
  openLog(onResume: (dropped: number) => void): LogOutput;
  /** Reads a text file; throws as `Deno.readTextFileSync` does. */
  readTextFile(path: string): string;
  /**
   * Writes text files into a folder and creates missing folders. Without write permission it
   * prompts on a terminal. Throws as `Deno.writeTextFileSync` does.
   */
  writeFiles(folder: string, files: readonly TextFile[]): void;
  /** Opens a listener; throws as `Deno.serve` does when the address is taken. */
  listen(options: ListenOptions): Listener;
  /** Calls a function at each SIGTERM, SIGINT, SIGHUP, SIGQUIT; returns a function that stops it. */
  onStopSignal(stop: () => void): () => void;
  /** The time in milliseconds since 1970. */
  now(): number;
  /** When the process began, in milliseconds since 1970. */
  readonly startedMs: number;
  /** CPU time of the process, in seconds. */
  cpuSeconds(): number;
  /** Resident memory of the process, in bytes. */
  residentBytes(): number;
  /** The version of the runtime. */
  readonly runtime: string;
}

/** Exit codes. */
export const EXIT = {
  /** Success, or stopped by a signal. */
  ok: 0,
  /** Failed. */
  failed: 1,
  /** Bad configuration or bad arguments. */
  badConfig: 2,
} as const;
