/** What commands may use of the process. `main.ts` provides the real one. */

import type { Environment } from "../config/env_file.ts";
import type { Listener, ListenOptions } from "../net/listener.ts";

export type { Listener, ListenOptions };

/** Where log lines go. */
export type LogOutput = {
  /** Lines lost because nobody read them. */
  readonly dropped: number;
  write(line: string): void;
  /** Waits until all lines are written, at most this many milliseconds. */
  flush(timeoutMs: number): Promise<void>;
};

/** The terminal on standard output. */
export type Terminal = {
  size(): { readonly columns: number; readonly rows: number };
  /** Calls a function at each key; returns a function that stops it. */
  onKey(press: (key: string) => void): () => void;
};

/** A file to write. */
export type TextFile = {
  /** Its path within the folder, with `/` between. */
  readonly path: string;
  readonly text: string;
};

/** The process, as far as commands need it. */
export type Host = {
  /** The arguments after the command's name. */
  readonly args: readonly string[];
  readonly env: Environment;
  readonly stdin: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly stdout: WritableStream<Uint8Array<ArrayBuffer>>;
  /** The terminal on standard output; undefined if there is none. */
  terminal(): Terminal | undefined;
  print(text: string): void;
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
  now(): number;
  /** When the process began, in milliseconds since 1970. */
  readonly startedMs: number;
  cpuSeconds(): number;
  residentBytes(): number;
  readonly runtime: string;
};

/** Exit codes. */
export const EXIT = {
  /** Success, or stopped by a signal. */
  ok: 0,
  /** Failed. */
  failed: 1,
  /** Bad configuration or bad arguments. */
  badConfig: 2,
} as const;
