/** The servers under test, each a process of its own on a loopback port. */

import { writeNginx } from "./nginx.ts";
import { openPage } from "./open_page.ts";
import { childrenOf } from "./process.ts";

/** Every server of the bench, in the order of the table; `watched` is ours with a live page open. */
export const SERVER_NAMES = [
  ...["origin", "raw", "read", "nginx", "lines"] as const,
  ...["ours", "watched"] as const,
] as const;
/** Which server. */
export type ServerName = typeof SERVER_NAMES[number];

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

/** A server that answers. */
export interface Server extends AsyncDisposable {
  /** Which server it is. */
  name: ServerName;
  /** Where it answers. */
  url: string;
  /** Its port on 127.0.0.1. */
  port: number;
  /** Its process and that process's children. */
  pids: readonly number[];
}

/** What all servers of a run share. */
export interface ServerOptions {
  /** A directory for files, which is also where the servers run, away from any `.env`. */
  dir: string;
  /** Ends the servers. */
  signal: AbortSignal;
  /** What `tools/std.ts` answered. */
  denoArgs: readonly string[];
  /** Arguments for the origin: files, slices. */
  originArgs: readonly string[];
}

/** What to run as a server. */
export interface Launch {
  /** The program. */
  command: string;
  /** Its arguments. */
  args: string[];
  /** Its variables, beside those that every program needs. */
  env?: Record<string, string>;
}

/** A process that answers. */
export interface Started extends AsyncDisposable {
  /** The process and its children. */
  pids: readonly number[];
}

/** How a process is started. */
export interface StartOptions extends Pick<ServerOptions, "dir" | "signal"> {
  /** How to call it. */
  name: string;
  /** What it answers with success once it is ready. */
  url: string;
  /** What asks, where the usual one would not trust it. */
  client?: Deno.HttpClient;
}

/** Asks `tools/std.ts` where the standard library comes from, as every task does. */
export async function stdArgs(): Promise<string[]> {
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

async function launchOf(
  name: ServerName,
  { port, originPort, options }: { port: number; originPort: number; options: ServerOptions },
): Promise<Launch> {
  const command = Deno.execPath();
  const run = ["run", "-q", "--config", `${ROOT}deno.json`, ...options.denoArgs];
  const bare = [...run, "--allow-net=127.0.0.1", "--allow-read"];
  const upstream = `http://127.0.0.1:${originPort}/metrics`;
  switch (name) {
    case "origin":
      return {
        command,
        args: [...bare, `${ROOT}bench/origin.ts`, "--port", String(port), ...options.originArgs],
      };
    case "nginx":
      return {
        command: "nginx",
        args: await writeNginx({ dir: `${options.dir}/nginx-${port}`, port, originPort }),
      };
    case "ours":
    case "watched":
      return {
        command,
        args: [...run, "-P=serve", `${ROOT}main.ts`, "serve"],
        env: {
          VLLM_METRICS_URL: upstream,
          LISTEN_ADDRESS: `127.0.0.1:${port}`,
          MAX_SCRAPES_PER_SECOND: "100000",
          LOG_LEVEL: "warn",
          // The large body of the memory benchmark is 22 MB.
          MAX_BODY_BYTES: "64MiB",
        },
      };
    default: {
      const script = `${ROOT}bench/passthrough.ts`;
      return {
        command,
        args: [...bare, script, "--port", String(port), "--upstream", upstream, name],
      };
    }
  }
}

async function waitForAnswer(
  { name, url, client }: Pick<StartOptions, "name" | "url" | "client">,
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
export async function startProcess(launch: Launch, options: StartOptions): Promise<Started> {
  const kept = KEPT_ENV.map((key) => [key, Deno.env.get(key)] as const)
    .filter((entry): entry is readonly [string, string] => entry[1] !== undefined);
  const child = new Deno.Command(launch.command, {
    args: launch.args,
    cwd: options.dir,
    clearEnv: true,
    env: { ...Object.fromEntries(kept), ...launch.env },
    signal: options.signal,
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  await using stack = new AsyncDisposableStack();
  stack.use(child);
  await waitForAnswer(options, child.status);
  const pids = [child.pid, ...await childrenOf(child.pid)];
  const held = stack.move();
  return { pids, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/**
 * Starts a server and waits until it answers.
 *
 * @throws {Error} When it does not answer in time.
 */
export async function startServer(
  name: ServerName,
  originPort: number,
  options: ServerOptions,
): Promise<Server> {
  const port = freePort();
  const url = `http://127.0.0.1:${port}/metrics`;
  const launch = await launchOf(name, { port, originPort, options });
  const { dir, signal } = options;
  const started = await startProcess(launch, { name, url, dir, signal });
  const server = { ...started, name, url, port };
  if (name !== "watched") return server;
  const page = await openPage(`http://127.0.0.1:${port}/api/v1/events`);
  return {
    ...server,
    async [Symbol.asyncDispose](): Promise<void> {
      await page[Symbol.asyncDispose]();
      await started[Symbol.asyncDispose]();
    },
  };
}
