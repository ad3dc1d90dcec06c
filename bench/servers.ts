/** The servers under test, each a process of its own on a loopback port. */

import {
  freePort,
  openPage,
  type Run,
  start,
  type Started,
  startScript,
  startService,
} from "./kit.ts";
import { writeNginx } from "./nginx.ts";

/** Every server of the bench, in the order of the table; `watched` is ours with a live page open. */
export const SERVER_NAMES = [
  ...["origin", "raw", "read", "nginx", "lines"] as const,
  ...["ours", "watched"] as const,
] as const;
/** Which server. */
export type ServerName = typeof SERVER_NAMES[number];

/** A server that answers. */
export interface Server extends Started {
  /** Which server it is. */
  name: ServerName;
}

/**
 * Starts a server in front of the origin, and waits until it answers.
 *
 * @throws {Error} When it does not answer in time.
 */
export async function startServer(run: Run, name: ServerName, origin: Started): Promise<Server> {
  return { name, ...await startNamed(run, name, origin) };
}

async function startNamed(run: Run, name: ServerName, origin: Started): Promise<Started> {
  if (name === "nginx") {
    const port = freePort();
    const originPort = Number(new URL(origin.url).port);
    const args = await writeNginx({ dir: `${run.dir}/nginx-${port}`, port, originPort });
    return await start(run, { name, url: `http://127.0.0.1:${port}/metrics`, command: name, args });
  }
  if (name !== "ours" && name !== "watched") {
    return await startScript(run, "passthrough", ["--upstream", origin.url, name]);
  }
  const service = await startService(run, {
    VLLM_METRICS_URL: origin.url,
    // The large body of the memory benchmark is 22 MB.
    MAX_BODY_BYTES: "64MiB",
  }, { path: "/metrics" });
  if (name === "ours") return service;
  const page = await openPage(new URL("/api/v1/events", service.url).href);
  return {
    ...service,
    async [Symbol.asyncDispose](): Promise<void> {
      await page[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
    },
  };
}
