/**
 * What a process used, from Linux's `/proc`. Deno opens `/proc` only with all
 * permissions there are; `cat` and `sh` need no more than to be run.
 */

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
export async function childrenOf(pid: number): Promise<number[]> {
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
