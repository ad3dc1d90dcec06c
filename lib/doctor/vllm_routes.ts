/** What vLLM says of itself beside its metrics. */

import type { Transport } from "../upstream/transport.ts";
import type { Verdict } from "./walk.ts";

/** How vLLM's other routes are asked. */
export interface RouteOptions {
  /** Sends the requests. */
  readonly transport: Transport;
  /** Where the metrics are; the other routes lie beside them. */
  readonly url: URL;
  /** Breaks a request off. */
  readonly signal: AbortSignal;
}

/** Bytes of an answer that are read; the list of models is some hundred. */
const MAX_BYTES = 65_536;

/**
 * Asks `/version`.
 *
 * @param options How to ask.
 * @returns The version, or a warning when there is none.
 */
export async function versionOf(options: RouteOptions): Promise<Verdict<void>> {
  const answer = await ask(options, "version");
  const version = answer.status === 200 ? textAt(answer.json, "version") : undefined;
  if (version !== undefined) return { found: `vLLM ${version}` };
  return { status: "warn", found: `"/version" answered ${answer.status}, without a version` };
}

/**
 * Asks `/v1/models`. A server that wants its API key there is fine: its metrics are open.
 *
 * @param options How to ask.
 * @returns The names of the models, or why they are not known.
 */
export async function modelsOf(options: RouteOptions): Promise<Verdict<void>> {
  const { status, json } = await ask(options, "v1/models");
  if (status === 401) return { found: "asks for an API key, which the metrics do not need" };
  const data = isRecord(json) && Array.isArray(json.data) ? json.data : [];
  const names = data.map((model) => textAt(model, "id")).filter((name) => name !== undefined);
  if (status === 200 && names.length > 0) return { found: names.map(quote).join(", ") };
  return { status: "warn", found: `"/v1/models" answered ${status}, without a model` };
}

async function ask(
  { transport, url, signal }: RouteOptions,
  route: string,
): Promise<{ status: number; json: unknown }> {
  const address = new URL(url);
  address.pathname = `${address.pathname.replace(/\/metrics\/?$/, "")}/${route}`;
  address.search = "";
  const { status, body } = await transport.get(address, signal);
  let text = "";
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (text.length > MAX_BYTES) break;
  }
  return { status, json: parse(text) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function textAt(value: unknown, key: string): string | undefined {
  const text = isRecord(value) ? value[key] : undefined;
  return typeof text === "string" ? text : undefined;
}

function quote(name: string): string {
  return JSON.stringify(name);
}
