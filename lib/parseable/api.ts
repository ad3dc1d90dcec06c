/** Parseable's HTTP API, as of 2.9.5. */

import { STATUS_CODE } from "@std/http/status";
import type { Header } from "../config/values.ts";
import type { ParseableConfig } from "../config/config.ts";
import { REDACTED, type Secret } from "../config/secret.ts";
import { maskUrl, placeBelow } from "../config/url.ts";
import { type ErrorCode, MetricsError } from "../errors.ts";
import {
  type Answer,
  createExchange,
  type Exchange,
  ExchangeFailure,
  wordsOf,
} from "./exchange.ts";
import { objectOf, textOf } from "./json.ts";

/**
 * Bytes of a response that are read: Parseable takes dashboards of up to 2 MiB, and a thousand
 * alerts are listed in half of that.
 */
const MAX_RESPONSE_BYTES = 8 * 1_048_576;
/** Time between two readiness requests, in milliseconds: Parseable starts in about a second. */
const READINESS_PAUSE_MS = 500;

/** A request that Parseable refused, or that did not reach it. */
export class ParseableError extends MetricsError {
  /** What is wrong, without a full stop and without the address. */
  readonly reason: string;
  /** The status of the response; undefined without one. */
  readonly answered: number | undefined;

  /** Creates the error; `label` is the address for people. */
  constructor(
    code: ErrorCode,
    options: { label: string; reason: string; answered?: number; hint?: string },
  ) {
    const { label, reason, answered, hint = "" } = options;
    super(code, `Cannot use Parseable at "${label}": ${reason}`, { hint });
    this.name = "ParseableError";
    this.reason = reason;
    this.answered = answered;
  }
}

/** How to reach Parseable, and as which user. */
export type ApiOptions = {
  readonly parseable: ParseableConfig;
  /** Without credentials only public routes work. */
  readonly credentials: Header | undefined;
  /** What must not be shown even when Parseable repeats it. */
  readonly secrets: readonly Secret[];
};

/** Which side of a Parseable of several nodes; both are one where there is one node. */
export type Node = "query" | "ingest";

/** What to send besides method and path, and where. */
export type CallOptions = {
  /** Which base URL it goes to. @default {"query"} */
  readonly node?: Node;
  /** What becomes the JSON body. */
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Sends requests to Parseable as one user. */
export class ParseableApi implements Disposable {
  readonly #options: ApiOptions;
  readonly #exchange: Exchange;

  /**
   * Creates a client. Nothing is sent yet.
   *
   * @throws {MetricsError} When the CA file cannot be used.
   */
  constructor(options: ApiOptions) {
    this.#options = options;
    this.#exchange = createExchange({ ...options.parseable, maxAnswerBytes: MAX_RESPONSE_BYTES });
  }

  /**
   * Sends one request. The path is below the base URL, with its query.
   *
   * @returns The response: a JSON value, or the text where it is no JSON.
   * @throws {ParseableError} When there is no response, or it is no 2xx.
   */
  async call(method: string, path: string, options: CallOptions = {}): Promise<unknown> {
    const url = placeBelow(this.#baseOf(options.node ?? "query"), path);
    const { status, bytes } = await this.#send(method, url, options);
    const value = valueOf(bytes);
    if (status >= 200 && status < 300) return value;
    // Refusals are a sentence, or an object with one.
    const words = textOf(objectOf(value).message) || wordsOf(bytes);
    throw refusalOf(status, this.#masked(words), maskUrl(url));
  }

  /** Whether metrics are sent to other nodes than the one that answers queries. */
  get isDistributed(): boolean {
    const { url, queryUrl } = this.#options.parseable;
    return url.href !== queryUrl.href;
  }

  /**
   * Asks for the version, such as `v2.9.5`, which needs valid credentials.
   *
   * @throws {ParseableError} When a node is no Parseable, of the wrong kind, or refuses the credentials.
   */
  async version(): Promise<string> {
    if (this.isDistributed) await this.#about("ingest");
    return await this.#about("query");
  }

  async #about(node: Node): Promise<string> {
    const path = "/api/v1/about";
    const about = await this.call("GET", path, { node }).catch((error: unknown) => {
      if (error instanceof ParseableError && error.code === "PARSEABLE_REFUSED") return undefined;
      throw error;
    });
    const { version, deploymentId, mode } = objectOf(about);
    const label = maskUrl(placeBelow(this.#baseOf(node), path));
    const fail = (reason: string, hint: string): never => {
      throw new ParseableError("PARSEABLE_FOREIGN", { label, reason, hint });
    };
    if (textOf(version) === "" || textOf(deploymentId) === "") {
      const name = this.isDistributed && node === "query" ? "PARSEABLE_QUERY_URL" : "PARSEABLE_URL";
      fail("what answers there is no Parseable", `Is ${name} right?`);
    }
    // Modes are "Standalone", "Distributed (Query)" and "Distributed (Ingest)".
    if (textOf(mode).includes("Ingest") && node === "query") {
      const hint = "Set PARSEABLE_QUERY_URL to the query node.";
      fail("it is an ingest node, without dashboards and queries", hint);
    }
    if (textOf(mode).includes("Query") && (node === "ingest" || !this.isDistributed)) {
      const hint = "Set PARSEABLE_URL to the ingest nodes, or a balancer before them, and " +
        "PARSEABLE_QUERY_URL to the query node.";
      fail("it is a query node, which stores no metrics", hint);
    }
    return this.#masked(textOf(version));
  }

  /**
   * Waits until Parseable is ready, up to `waitMs` and one last request.
   *
   * @throws {ParseableError} When it is not ready in time.
   */
  async untilReady({ waitMs, now }: { waitMs: number; now: () => number }): Promise<void> {
    const startMs = now();
    for (;;) {
      try {
        await this.call("GET", "/api/v1/readiness");
        return;
      } catch (error) {
        if (!(error instanceof ParseableError) || now() - startMs >= waitMs) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, READINESS_PAUSE_MS));
    }
  }

  /** Closes the connections. */
  [Symbol.dispose](): void {
    this.#exchange[Symbol.dispose]();
  }

  #baseOf(node: Node): URL {
    const { url, queryUrl } = this.#options.parseable;
    return node === "ingest" ? url : queryUrl;
  }

  async #send(method: string, url: URL, { body, headers }: CallOptions): Promise<Answer> {
    const fields = new Headers(headers);
    const { credentials } = this.#options;
    if (credentials !== undefined) fields.set(credentials[0], credentials[1].reveal());
    if (body !== undefined) fields.set("Content-Type", "application/json");
    const json = body && { body: new TextEncoder().encode(JSON.stringify(body)) };
    try {
      return await this.#exchange.send({ method, url, headers: fields, ...json });
    } catch (error) {
      if (!(error instanceof ExchangeFailure)) throw error;
      throw new ParseableError("PARSEABLE_UNREACHABLE", {
        label: maskUrl(url),
        reason: error.message,
        hint: `Is it running, and are ${
          this.isDistributed ? "PARSEABLE_URL, PARSEABLE_QUERY_URL" : "PARSEABLE_URL"
        } and PARSEABLE_TLS_CA_FILE right?`,
      });
    }
  }

  #masked(words: string): string {
    const hidden = this.#options.secrets.map((secret) => secret.reveal())
      // Without its scheme, the value of the header is still a secret.
      .flatMap((text) => [text, text.replace(/^Basic /, "")]);
    return hidden.reduce((text, secret) => text.replaceAll(secret, REDACTED), words);
  }
}

function valueOf(bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return text;
  }
}

/**
 * The error for a refused request. Parseable 2.9.5 answers 403 to a wrong password as well as to a
 * missing privilege, 401 to a wrong key, and 408 when it is too busy to read a request in time.
 */
function refusalOf(status: number, words: string, label: string): ParseableError {
  const said = words === "" ? "" : `: ${words.replace(/\.$/, "")}`;
  const options = { label, reason: `it answered ${status}${said}`, answered: status };
  const denied = new Map<number, string>([
    [STATUS_CODE.Unauthorized, "It knows no such key, or a proxy removed the credentials."],
    [STATUS_CODE.Forbidden, "The user name or password is wrong, or this user may not do that."],
  ]);
  const hint = denied.get(status);
  if (hint !== undefined) return new ParseableError("PARSEABLE_DENIED", { ...options, hint });
  const hasFailed = status >= STATUS_CODE.InternalServerError ||
    status === STATUS_CODE.RequestTimeout || status === STATUS_CODE.TooManyRequests;
  return new ParseableError(hasFailed ? "PARSEABLE_FAILED" : "PARSEABLE_REFUSED", options);
}
