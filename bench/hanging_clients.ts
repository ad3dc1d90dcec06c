/**
 * Measures what credentials and TLS cost, and how the next request fares while
 * a thousand clients hang. Needs Linux, and nothing else.
 *
 *     deno task bench:hanging
 *     deno task bench:hanging --seconds 1 --rounds 1
 */

import {
  formatTable,
  freePort,
  median,
  numbers,
  print,
  printMachine,
  readUsage,
  type Run as BenchRun,
  type Started,
  startRun,
  startScript,
  startService,
} from "./kit.ts";

/** Where the certificates of the tests are. */
const TLS = new URL("../tests/testdata/tls", import.meta.url).pathname;
const CAPTURE = new URL("../tests/testdata/vllm/during-load-c40.txt", import.meta.url).pathname;
const TOKEN = "a-token-of-sufficient-length";
const SCRAPE = JSON.stringify({
  resourceMetrics: [{
    scopeMetrics: [{ metrics: [{ name: "a", gauge: { dataPoints: [{ asDouble: 1 }] } }] }],
  }],
});

/** How the listeners are guarded. */
interface Guard {
  name: string;
  isTls: boolean;
  hasToken: boolean;
}

const GUARDS: readonly Guard[] = [
  { name: "plain", isTls: false, hasToken: false },
  { name: "token", isTls: false, hasToken: true },
  { name: "TLS", isTls: true, hasToken: false },
  { name: "TLS and token", isTls: true, hasToken: true },
];

/** What the whole run shares. */
interface Run extends BenchRun {
  rounds: number;
  seconds: number;
}

/** The service, and how to ask it. */
interface Listeners extends AsyncDisposable {
  started: Started;
  metricsPort: number;
  relayPort: number;
  /** Scrapes once. */
  scrape(client: Deno.HttpClient): Promise<number>;
  /** Sends the relay one scrape. */
  post(client: Deno.HttpClient): Promise<number>;
}

/** A client that keeps its connections, or makes one for each request. */
function createClient(keepsConnections: boolean): Deno.HttpClient {
  return Deno.createHttpClient({
    caCerts: [Deno.readTextFileSync(`${TLS}/ca.pem`)],
    http2: false,
    ...(keepsConnections ? {} : { poolMaxIdlePerHost: 0 }),
  });
}

/** Starts stand-ins for vLLM and Parseable, and the service between them. */
async function startListeners(run: Run, guard: Guard): Promise<Listeners> {
  await using stack = new AsyncDisposableStack();
  const origin = stack.use(await startScript(run, "origin", [CAPTURE]));
  const sink = stack.use(await startScript(run, "origin"));
  const [metricsPort, relayPort] = [freePort(), freePort()];
  const scheme = guard.isTls ? "https" : "http";
  using trusting = createClient(true);
  const started = stack.use(
    await startService(run, {
      VLLM_METRICS_URL: origin.url,
      PARSEABLE_URL: new URL(sink.url).origin,
      LISTEN_ADDRESS: `127.0.0.1:${metricsPort}`,
      OTLP_LISTEN_ADDRESS: `127.0.0.1:${relayPort}`,
      ...(guard.hasToken ? { METRICS_BEARER_TOKEN: TOKEN } : {}),
      ...(guard.isTls
        ? { TLS_CERT_FILE: `${TLS}/server.pem`, TLS_KEY_FILE: `${TLS}/server.key` }
        : {}),
    }, {
      name: guard.name,
      url: `${scheme}://localhost:${relayPort}/-/ready`,
      client: trusting,
    }),
  );
  const held = stack.move();
  async function statusOf(
    url: string,
    init: RequestInit & { client: Deno.HttpClient },
  ): Promise<number> {
    const response = await fetch(url, init);
    await response.bytes();
    return response.status;
  }
  const authorization = guard.hasToken ? { authorization: `Bearer ${TOKEN}` } : undefined;
  return {
    started,
    metricsPort,
    relayPort,
    scrape: (client) =>
      statusOf(`${scheme}://localhost:${metricsPort}/metrics`, {
        client,
        ...(authorization === undefined ? {} : { headers: authorization }),
      }),
    post: (client) =>
      statusOf(`${scheme}://localhost:${relayPort}/v1/metrics`, {
        client,
        method: "POST",
        body: SCRAPE,
        headers: { "content-type": "application/json", authorization: "Basic c2hpcHBlcjp4" },
      }),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Asks again and again for some seconds; gives the time and the processor time of one request. */
async function pace(
  run: Run,
  listeners: Listeners,
  ask: (client: Deno.HttpClient) => Promise<number>,
  keepsConnections: boolean,
): Promise<{ ms: number; cpuMs: number }> {
  const times: number[] = [];
  using shared = createClient(true);
  const before = await readUsage(listeners.started.pids);
  const end = performance.now() + run.seconds * 1_000;
  while (performance.now() < end) {
    using own = keepsConnections ? undefined : createClient(false);
    const startedMs = performance.now();
    const status = await ask(own ?? shared);
    if (status !== 200) throw new Error(`The service answered ${status}`);
    times.push(performance.now() - startedMs);
  }
  const after = await readUsage(listeners.started.pids);
  return {
    ms: median(times),
    cpuMs: (after.cpuSeconds - before.cpuSeconds) * 1_000 / times.length,
  };
}

/** The cost of one request for each way to guard the listeners; they take turns, so that noise is shared. */
async function measureCost(run: Run): Promise<string> {
  await using stack = new AsyncDisposableStack();
  const services: [string, Listeners, number[][]][] = [];
  for (const guard of GUARDS) {
    services.push([guard.name, stack.use(await startListeners(run, guard)), []]);
  }
  // The first round is for the machine code.
  for (let round = 0; round <= run.rounds; round++) {
    for (const [, listeners, figures] of services) {
      const kept = await pace(run, listeners, listeners.scrape, true);
      const fresh = await pace(run, listeners, listeners.scrape, false);
      const relay = await pace(run, listeners, listeners.post, true);
      if (round > 0) figures.push([kept, fresh, relay].flatMap(({ ms, cpuMs }) => [ms, cpuMs]));
    }
  }
  const head = ["", "scrape ms", "CPU ms", "new conn. ms", "CPU ms", "relay ms", "CPU ms", ""];
  const rows = services.map(([name, , figures]) => {
    const [first = []] = figures;
    const middle = first.map((_, column) => median(figures.map((row) => row[column] ?? NaN)));
    return [name, ...middle.map((figure) => figure.toFixed(2)), ""];
  });
  return "One request at a time; a scrape is 63 KB, a relayed request one point.\n\n" +
    `${formatTable([head, ...rows])}\n`;
}

/** Clients that hang. */
const CLIENTS = 1_000;
/** Requests that are timed while they do. */
const TIMED = 20;

/** A way in which clients hang: what they send, and over what. */
interface Hanging {
  name: string;
  isTls: boolean;
  /** The part of a request that they send; over TLS it is behind the handshake, if there is one. */
  text: string;
  /** Whether they begin with a handshake. */
  shakesHands: boolean;
}

const HEAD = "GET /metrics HTTP/1.1\r\nHost: x\r\n";
const BODY =
  "POST /v1/metrics HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-API-Key: x\r\n" +
  "Content-Length: 100\r\n\r\n{";

const HANGINGS: readonly Hanging[] = [
  { name: "nobody", isTls: false, text: "", shakesHands: false },
  { name: "silent", isTls: false, text: "", shakesHands: false },
  { name: "half a head", isTls: false, text: HEAD, shakesHands: false },
  { name: "half a body", isTls: false, text: BODY, shakesHands: false },
  { name: "nobody, TLS", isTls: true, text: "", shakesHands: false },
  { name: "no handshake", isTls: true, text: "", shakesHands: false },
  { name: "half a head, TLS", isTls: true, text: HEAD, shakesHands: true },
  { name: "half a body, TLS", isTls: true, text: BODY, shakesHands: true },
];

/** Connects a thousand clients, a hundred at a time. */
async function hang(port: number, hanging: Hanging, stack: DisposableStack): Promise<void> {
  const caCerts = [await Deno.readTextFile(`${TLS}/ca.pem`)];
  async function one(): Promise<void> {
    const connection = hanging.shakesHands
      ? await Deno.connectTls({ hostname: "localhost", port, caCerts })
      : await Deno.connect({ hostname: "127.0.0.1", port });
    stack.use(connection);
    if (hanging.text !== "") await connection.write(new TextEncoder().encode(hanging.text));
  }
  for (let count = 0; count < CLIENTS; count += 100) {
    await Promise.all(Array.from({ length: 100 }, one));
  }
}

/** Times requests on a new connection each, tried again while they are 503, in milliseconds. */
async function timesOf(ask: (client: Deno.HttpClient) => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  for (let count = 0; count < TIMED; count++) {
    using client = createClient(false);
    const startedMs = performance.now();
    while (await ask(client) === 503);
    times.push(performance.now() - startedMs);
  }
  return times;
}

/** How a scrape and a relayed request fare while clients hang at that listener. */
async function measureHanging(run: Run): Promise<string> {
  const rows = [["", "scrape ms", "longest", "relay ms", "longest", ""]];
  for (const hanging of HANGINGS) {
    const guard = GUARDS.find(({ isTls, hasToken }) => isTls === hanging.isTls && !hasToken);
    if (guard === undefined) continue;
    await using listeners = await startListeners(run, guard);
    const asked: [number, (client: Deno.HttpClient) => Promise<number>][] = [
      [listeners.metricsPort, listeners.scrape],
      [listeners.relayPort, listeners.post],
    ];
    const figures: string[] = [];
    for (const [port, ask] of asked) {
      await timesOf(ask);
      using stack = new DisposableStack();
      if (!hanging.name.startsWith("nobody")) await hang(port, hanging, stack);
      const times = await timesOf(ask);
      figures.push(median(times).toFixed(1), Math.max(...times).toFixed(1));
    }
    rows.push([hanging.name, ...figures, ""]);
  }
  return `While ${CLIENTS} clients hang, each request on a connection of its own; ${TIMED} of them.\n` +
    `503 is tried again, and its time counts.\n\n${formatTable(rows)}`;
}

/** Runs all parts. */
async function main(args: string[]): Promise<void> {
  const options = numbers(args, { rounds: 3, seconds: 2 });
  await using begun = await startRun();
  const run: Run = { ...begun, ...options };
  printMachine(`${run.rounds} rounds of ${run.seconds} s`);
  print(await measureCost(run));
  print(await measureHanging(run));
}

if (import.meta.main) {
  await main(Deno.args);
  Deno.exit();
}
