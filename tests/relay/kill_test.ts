import { assertEquals } from "@std/assert";
import { type Running, startServe } from "../commands/process.ts";
import { within } from "../fakes.ts";
import { closedPort } from "../net/fakes.ts";
import { FakeFluentBit, numbersIn, type Receiver } from "./fake_fluent_bit.ts";

/** What becomes of the requests that come in. */
type Fate = "stored" | "held before it is stored" | "held after it is stored";

/** A Parseable that can die and come back at the same address, with what it stored. */
class MortalParseable implements AsyncDisposable {
  readonly stored: string[] = [];
  readonly port = closedPort();
  fate: Fate = "stored";
  #held = Promise.withResolvers<void>();
  #life: {
    abort: AbortController;
    server: Deno.HttpServer;
    dead: PromiseWithResolvers<void>;
  } | undefined;

  /** Resolves when a request is held. */
  get held(): Promise<void> {
    return this.#held.promise;
  }

  start(): void {
    this.fate = "stored";
    this.#held = Promise.withResolvers();
    const abort = new AbortController();
    const dead = Promise.withResolvers<void>();
    const server = Deno.serve({
      hostname: "127.0.0.1",
      port: this.port,
      signal: abort.signal,
      onListen(): void {},
    }, async (request) => {
      const text = await request.text();
      if (this.fate !== "held before it is stored") this.stored.push(text);
      if (this.fate === "stored") return new Response(null);
      this.#held.resolve();
      // Never answered: the connection breaks first.
      await dead.promise;
      return new Response(null);
    });
    this.#life = { abort, server, dead };
  }

  /** Dies with whatever it is doing. */
  async kill(): Promise<void> {
    this.#life?.abort.abort();
    await this.#life?.server.finished;
    this.#life?.dead.resolve();
    this.#life = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

/** Sends to a relay that is a process of its own, over a new connection each time. */
function receiver(port: number): Receiver {
  return {
    post: (body, headers = {}) =>
      fetch(`http://127.0.0.1:${port}/v1/metrics`, {
        method: "POST",
        body,
        headers: { authorization: "Basic YTpi", connection: "close", ...headers },
      }),
  };
}

async function startRelay(parseable: MortalParseable, port: number): Promise<Running> {
  const relay = await startServe({
    env: {
      VLLM_METRICS_URL: "http://127.0.0.1:9",
      PARSEABLE_URL: `http://127.0.0.1:${parseable.port}`,
      OTLP_LISTEN_ADDRESS: `127.0.0.1:${port}`,
    },
  });
  await relay.log.seen("Relaying OTLP");
  return relay;
}

Deno.test("a kill of either side, at any point of a request, loses no scrape and doubles only the one under way", async () => {
  await using parseable = new MortalParseable();
  const fluentBit = new FakeFluentBit();
  const port = closedPort();
  const relays = receiver(port);
  let scrapes = 0;
  const scrape = async (): Promise<void> => {
    fluentBit.waiting.push(scrapes++);
    await fluentBit.flush(relays);
  };
  const everyTime = async (relay: Running): Promise<void> => {
    await scrape();
    assertEquals(fluentBit.waiting, []);
    for (const fate of ["held before it is stored", "held after it is stored"] as const) {
      // Parseable dies with the request, and is away for some scrapes.
      parseable.fate = fate;
      const first = scrape();
      await within(parseable.held, () => "no request came");
      await parseable.kill();
      await first;
      await scrape();
      await scrape();
      assertEquals(fluentBit.waiting.length, 3);
      parseable.start();
      await scrape();
      assertEquals(fluentBit.waiting, []);
    }
    // The relay dies with the request.
    parseable.fate = "held after it is stored";
    const last = scrape();
    await within(parseable.held, () => "no request came");
    relay.kill("SIGKILL");
    await last;
    await scrape();
    assertEquals(fluentBit.waiting.length, 2);
    await parseable.kill();
    parseable.start();
  };
  parseable.start();
  for (let life = 0; life < 2; life++) {
    await using relay = await startRelay(parseable, port);
    await everyTime(relay);
  }
  await using _relay = await startRelay(parseable, port);
  await scrape();
  assertEquals([fluentBit.waiting, fluentBit.dropped], [[], []]);
  const stored = numbersIn(parseable.stored);
  assertEquals([...new Set(stored)].toSorted((a, b) => a - b), [...Array(scrapes).keys()]);
  // Two a life: one was stored when Parseable died, one when the relay died.
  assertEquals(stored.length - scrapes, 4);
});
