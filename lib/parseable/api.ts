/** Parseable's HTTP API, as of 2.9.5. */

import { placeBelow } from "../config/url.ts";
import type { Header } from "../config/headers.ts";
import type { ParseableConfig } from "../config/parseable_config.ts";
import { REDACTED, type Secret } from "../config/secret.ts";
import { maskUrl } from "../config/url.ts";
import {
  type Answer,
  createExchange,
  type Exchange,
  ExchangeFailure,
  wordsOf,
} from "./exchange.ts";
import { objectOf, textOf } from "./json.ts";
import { ParseableError, refusalOf } from "./parseable_error.ts";

/**
 * Bytes of an answer that are read: Parseable takes dashboards of up to 2 MiB, and a thousand
 * alerts are listed in half of that.
 */
const MAX_ANSWER_BYTES = 8 * 1_048_576;

/** What stands before the credentials in a header. */
const SCHEME = /^Basic /;

/** How to reach Parseable, and as whom. */
export interface ApiOptions {
  /** Where it is. */
  readonly parseable: ParseableConfig;
  /** The header with the credentials; without it, only what is open to everybody can be asked. */
  readonly credentials: Header | undefined;
  /** What must not be shown even when Parseable says it. */
  readonly secrets: readonly Secret[];
}

/** What to send beside method and path. */
export interface CallOptions {
  /** What becomes the JSON body. */
  readonly body?: unknown;
  /** More header fields. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer as a JSON value, or as a text where it is none. */
function valueOf(bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return text;
  }
}

/** Asks Parseable, as one user. */
export class ParseableApi implements Disposable {
  readonly #options: ApiOptions;
  readonly #exchange: Exchange;

  /**
   * Makes a client. Nothing is sent yet.
   *
   * @param options Where Parseable is, and the credentials.
   * @throws {MetricsError} When the file of authorities cannot be used.
   */
  constructor(options: ApiOptions) {
    this.#options = options;
    this.#exchange = createExchange({ ...options.parseable, maxAnswerBytes: MAX_ANSWER_BYTES });
  }

  /**
   * Sends one request.
   *
   * @param method The method of HTTP.
   * @param path The path below the base URL, with its query.
   * @param options The body and more header fields.
   * @returns The answer: a JSON value, or the text where it is no JSON.
   * @throws {ParseableError} When there is no answer, or it is no 2xx.
   */
  async call(method: string, path: string, options: CallOptions = {}): Promise<unknown> {
    const url = placeBelow(this.#options.parseable.url, path);
    const label = maskUrl(url);
    const { status, bytes } = await this.#send(method, url, options);
    const value = valueOf(bytes);
    if (status >= 200 && status < 300) return value;
    // Refusals are a sentence, or an object with one.
    const words = textOf(objectOf(value).message) || wordsOf(bytes);
    throw refusalOf(status, this.#masked(words), label);
  }

  /**
   * Asks who is there, with the credentials.
   *
   * @returns The version, such as `v2.9.5`.
   * @throws {ParseableError} When it is no Parseable, or does not know the credentials.
   */
  async version(): Promise<string> {
    const path = "/api/v1/about";
    const about = await this.call("GET", path).catch((error: unknown) => {
      if (error instanceof ParseableError && error.code === "PARSEABLE_REFUSED") return undefined;
      throw error;
    });
    const { version, deploymentId } = objectOf(about);
    if (textOf(version) !== "" && textOf(deploymentId) !== "") {
      return this.#masked(textOf(version));
    }
    throw new ParseableError("PARSEABLE_FOREIGN", {
      label: maskUrl(placeBelow(this.#options.parseable.url, path)),
      reason: "what answers there is no Parseable",
      hint: "Is PARSEABLE_URL right?",
    });
  }

  /** Lets the connections go. */
  [Symbol.dispose](): void {
    this.#exchange[Symbol.dispose]();
  }

  async #send(method: string, url: URL, { body, headers = {} }: CallOptions): Promise<Answer> {
    const fields = new Headers(headers);
    const { credentials } = this.#options;
    if (credentials !== undefined) fields.set(credentials[0], credentials[1].reveal());
    if (body !== undefined) fields.set("Content-Type", "application/json");
    const ask = { method, url, headers: fields };
    try {
      return await this.#exchange.send(
        body === undefined ? ask : { ...ask, body: new TextEncoder().encode(JSON.stringify(body)) },
      );
    } catch (error) {
      if (!(error instanceof ExchangeFailure)) throw error;
      throw new ParseableError("PARSEABLE_UNREACHABLE", {
        label: maskUrl(url),
        reason: error.message,
        hint: "Is it running, and are PARSEABLE_URL and PARSEABLE_TLS_CA_FILE right?",
      });
    }
  }

  #masked(words: string): string {
    const hidden = this.#options.secrets.map((secret) => secret.reveal())
      // Without its scheme, a header's value is no less of a secret.
      .flatMap((text) => [text, text.replace(SCHEME, "")]);
    return hidden.reduce((text, secret) => text.replaceAll(secret, REDACTED), words);
  }
}
