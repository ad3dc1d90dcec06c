/** What vLLM says of itself beside its metrics. */

import type { UpstreamConfig } from "../config/config.ts";
import { listOf, objectOf, textOf } from "../parseable/json.ts";
import { scrapeError } from "../scrape/scrape_errors.ts";
import { createVllmClient, requestHeaders } from "../scrape/upstream.ts";
import type { Verdict } from "./walk.ts";

/** How vLLM's other routes are asked. */
export interface RouteOptions {
  /** The server; its other routes lie beside its metrics. */
  readonly config: UpstreamConfig;
  /** The IP address to connect to; undefined for where the URL's host leads. */
  readonly address: string | undefined;
  /** Breaks the request off. */
  readonly signal: AbortSignal;
}

/** Bytes of an answer that are read; the list of models is some hundred. */
const MAX_BYTES = 65_536;
/** What a version looks like. */
const VERSION = /^\d[\w.+-]{0,63}$/;
/** A shorter word, such as `Bearer`, is no secret that could be told from the name of a model. */
const MIN_SECRET_LENGTH = 8;

/**
 * Asks `/version`.
 *
 * @param options How to ask.
 * @returns The version, or a warning when there is none.
 */
export async function versionOf(options: RouteOptions): Promise<Verdict<void>> {
  const { status, json } = await ask(options, "version");
  const version = textOf(objectOf(json).version);
  const isShown = VERSION.test(version) && !repeatsSecret(version, options.config);
  if (status === 200 && isShown) return { found: `vLLM ${version}` };
  return { status: "warn", found: `"/version" answered ${status}, without a version` };
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
  const names = listOf(objectOf(json).data).map((model) => textOf(objectOf(model).id))
    .filter((name) => name !== "" && !repeatsSecret(name, options.config));
  if (status === 200 && names.length > 0) {
    return { found: names.map((name) => JSON.stringify(name)).join(", ") };
  }
  return { status: "warn", found: `"/v1/models" answered ${status}, without a model` };
}

/** Whether a text holds a word of a header that we send: a server may say what it was sent. */
function repeatsSecret(text: string, { headers }: UpstreamConfig): boolean {
  return headers.some(([, secret]) =>
    secret.reveal().split(" ").some((word) =>
      word.length >= MIN_SECRET_LENGTH && text.includes(word)
    )
  );
}

async function ask(
  { config, address, signal }: RouteOptions,
  route: string,
): Promise<{ status: number; json: unknown }> {
  const url = new URL(config.url);
  url.pathname = `${url.pathname.replace(/(?:\/metrics)?\/?$/, "")}/${route}`;
  url.search = "";
  using client = createVllmClient(config, address);
  const { status, body } = await client.request(url, {
    headers: requestHeaders(config.headers),
    timeoutMs: config.timeoutMs,
    maxBytes: MAX_BYTES,
    signal,
    describe: (error) => scrapeError(`/${route}`, error),
  });
  return { status, json: parse(await body.text()) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
