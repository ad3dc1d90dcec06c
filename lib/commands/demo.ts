/** `vllm-metrics demo`: a simulated vLLM under load, and the service on it. */

import { SCENARIOS } from "../demo/scenario.ts";
import { SimulatedVllm } from "../demo/simulated_vllm.ts";
import { readEnvironment } from "./configure.ts";
import { type DemoOptions, parseDemoOptions } from "./demo_options.ts";
import { DemoServer } from "./demo_server.ts";
import { EXIT, type Host } from "./host.ts";
import { serve } from "./serve.ts";

/** Simulated time before the first scrape, in milliseconds: enough for percentiles. */
const WARM_UP_MS = 5 * 60_000;
/** Addresses on which a browser on this machine finds the service by its usual name. */
const LOCAL = new Set(["0.0.0.0", "127.0.0.1", "::", "::1"]);

/**
 * Runs the simulated server and the service. No setting is needed; those there are hold, but for
 * VLLM_METRICS_URL.
 *
 * @param host The process; its words are the options.
 * @returns 0 when it was asked to stop, 1 when it failed, 2 on a wrong option or setting.
 */
export async function demo(host: Host): Promise<number> {
  const options = parseDemoOptions(host.args);
  if (!("scenario" in options)) {
    for (const mistake of options) host.printError(`vllm-metrics demo: ${mistake}\n`);
    return EXIT.badConfig;
  }
  const env = readEnvironment(host);
  if (env === undefined) return EXIT.badConfig;
  if ((env.VLLM_METRICS_URL ?? "") !== "") {
    host.printError("vllm-metrics demo: VLLM_METRICS_URL is ignored: the demo has its own vLLM.\n");
  }
  await using running = new AsyncDisposableStack();
  const urls: string[] = [];
  for (const simulated of simulate(options, host.now())) {
    try {
      urls.push(running.use(new DemoServer(host, simulated)).url);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      host.printError(`vllm-metrics demo: cannot listen on 127.0.0.1: ${error.message}\n`);
      return EXIT.failed;
    }
  }
  // A server that is alone has no name, so that no sample gets a label more than vLLM gave it.
  const named = urls.length === 1 ? urls : urls.map((url, index) => `demo-${index + 1}=${url}`);
  return await serve({
    ...announcing(host, options),
    env: { ...env, VLLM_METRICS_URL: named.join(",") },
  });
}

/** Servers that have been under load for some minutes, each with a seed of its own. */
function simulate(
  { scenario, seed, servers, engines, frontend }: DemoOptions,
  nowMs: number,
): SimulatedVllm[] {
  return Array.from({ length: servers }, (_, index) => {
    const server = new SimulatedVllm({
      scenario: SCENARIOS[scenario],
      seed: seed + index,
      engines,
      frontend,
      startMs: nowMs - WARM_UP_MS,
      warmUpMs: WARM_UP_MS,
    });
    server.advance(nowMs);
    return server;
  });
}

/** A host that says where the page is when the service, which begins with that, listens for it. */
function announcing(host: Host, { scenario }: DemoOptions): Host {
  let isFirst = true;
  return {
    ...host,
    listen(options): ReturnType<Host["listen"]> {
      const listener = host.listen(options);
      if (!isFirst) return listener;
      isFirst = false;
      const { hostname, tls } = options;
      const scheme = tls === undefined ? "http" : "https";
      const shown = hostname.includes(":") ? `[${hostname}]` : hostname;
      const name = LOCAL.has(hostname) ? "localhost" : shown;
      const { description } = SCENARIOS[scenario];
      host.print(`Open ${scheme}://${name}:${listener.port}/ (${scenario}: ${description}).\n`);
      return listener;
    },
  };
}
