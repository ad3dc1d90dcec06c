/** A real Parseable; the variable PARSEABLE names the program where there is one. */

import { until } from "../fakes.ts";
import { closedPort } from "../net/fakes.ts";

/** The program. */
export const PARSEABLE = Deno.env.get("PARSEABLE");
/** Its account. */
export const ACCOUNT = { P_USERNAME: "shipper", P_PASSWORD: "secret-password" };
const AUTHORIZATION = `Basic ${btoa(`${ACCOUNT.P_USERNAME}:${ACCOUNT.P_PASSWORD}`)}`;

/** A row: values by column. */
export type Row = Readonly<Record<string, unknown>>;

/** A Parseable that can be killed and started again with its data. */
export interface RealParseable extends AsyncDisposable {
  readonly origin: string;
  /** Starts it, and waits until it answers. */
  start(): Promise<void>;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** The rows of a query; none when there is no such stream. */
  query(sql: string): Promise<Row[]>;
}

/** Starts one with an empty store. */
export async function startParseable(): Promise<RealParseable> {
  const folder = await Deno.makeTempDir();
  const address = `127.0.0.1:${closedPort()}`;
  const origin = `http://${address}`;
  let child: Deno.ChildProcess | undefined;
  const parseable: RealParseable = {
    origin,
    async start(): Promise<void> {
      child = new Deno.Command(PARSEABLE ?? "parseable", {
        args: ["local-store"],
        cwd: folder,
        env: {
          ...ACCOUNT,
          P_ADDR: address,
          P_STAGING_DIR: `${folder}/staging`,
          P_FS_DIR: `${folder}/data`,
          P_CHECK_UPDATE: "false",
          P_SEND_ANONYMOUS_USAGE_DATA: "false",
        },
        stdout: "null",
        stderr: "null",
      }).spawn();
      await until(
        () => fetch(`${origin}/api/v1/liveness`).then((r) => r.text(), () => undefined),
        "Parseable to answer",
      );
    },
    async kill(): Promise<void> {
      child?.kill("SIGKILL");
      await child?.status;
      child = undefined;
    },
    async query(sql: string): Promise<Row[]> {
      const response = await fetch(`${origin}/api/v1/query`, {
        method: "POST",
        headers: { authorization: AUTHORIZATION, "content-type": "application/json" },
        body: JSON.stringify({ query: sql, startTime: "10m", endTime: "now" }),
      });
      const text = await response.text();
      return response.ok ? JSON.parse(text) : [];
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await parseable.kill();
      await Deno.remove(folder, { recursive: true });
    },
  };
  await parseable.start();
  return parseable;
}
