/** How the next request fares while a thousand clients hang. */

import { createClient, GUARDS, type Run, startDoors, TLS } from "./guarded.ts";
import { formatTable, median } from "./table.ts";

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
export async function measureHanging(run: Run): Promise<string> {
  const rows = [["", "scrape ms", "longest", "relay ms", "longest", ""]];
  for (const hanging of HANGINGS) {
    const guard = GUARDS.find(({ isTls, hasToken }) => isTls === hanging.isTls && !hasToken);
    if (guard === undefined) continue;
    await using doors = await startDoors(run, guard);
    const asked: [number, (client: Deno.HttpClient) => Promise<number>][] = [
      [doors.metricsPort, doors.scrape],
      [doors.relayPort, doors.post],
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
