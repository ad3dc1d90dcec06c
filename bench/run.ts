/** What every bench begins with: a place for files, and an end on a signal. */

import { stdArgs } from "./servers.ts";

/** One run of a bench. Disposing it removes its files. */
export interface Run extends AsyncDisposable {
  /** A directory for bodies and configuration. */
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

/** Tells what went wrong in a run. */
export function endOf({ faults }: Run): number {
  for (const fault of faults) print(`\n!!! FAULT: ${fault}\n`);
  return faults.length === 0 ? 0 : 1;
}
