import { assert, assertEquals } from "@std/assert";
import {
  capture,
  captureNames,
  EXPOSITION_TYPE,
  renamed,
  serveCapture,
  startService,
  until,
  within,
} from "../fakes.ts";
import { type Conversation, serveHttp, serveRaw } from "../net/fakes.ts";
import { ask, RawClient } from "./raw_client.ts";

const encoder = new TextEncoder();
/** A family is handed out when the next one begins. */
const PARTS = [
  "# TYPE vllm:a gauge\nvllm:a 1\n# TYPE vllm:b gauge\n",
  "vllm:b 2\n# TYPE vllm:c gauge\nvllm:c 3\n",
] as const;
const WHOLE = renamed(PARTS.join(""));
const CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
const GET = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";

/** Text captures: their answer is the capture itself, renamed. */
const TEXTS = captureNames().filter((name) => capture(name).contentType.startsWith("text/plain"));

function chunk(text: string): string {
  return `${encoder.encode(text).length.toString(16)}\r\n${text}\r\n`;
}

/** A vLLM that sends its first part, and the rest when it is told to. */
function slowly(): { answer: (talk: Conversation) => Promise<void>; goOn: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    goOn: resolve,
    async answer({ send }): Promise<void> {
      await send(CHUNKED + chunk(PARTS[0]));
      await within(promise, () => "the first part did not arrive");
      await send(`${chunk(PARTS[1])}0\r\n\r\n`);
    },
  };
}

Deno.test.each(TEXTS)(
  "GET /metrics answers %s with its names changed and nothing else",
  async (name) => {
    await using vllm = serveCapture(name);
    await using service = startService(vllm.origin);
    // The second answer takes the way of remembered families.
    for (let scrape = 0; scrape < 2; scrape++) {
      const response = await service.get("/metrics");
      assertEquals(response.status, 200);
      assertEquals(response.headers.get("content-type"), EXPOSITION_TYPE);
      const text = await response.text();
      assert(text === renamed(capture(name).text), `${name}: the bytes differ`);
    }
  },
);

Deno.test("a body that comes in one go is answered in one go, with its length", async () => {
  const body = PARTS.join("");
  const reply = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  await using vllm = serveRaw(({ send }) => send(reply));
  await using service = startService(vllm.origin);
  const answer = await ask(service.origin, `${GET}\r\n`);
  assertEquals(answer.headers.get("content-length"), String(WHOLE.length));
  assertEquals(answer.body, WHOLE);
});

Deno.test("a body without a length whose end comes at once is answered with its length", async () => {
  const body = PARTS.join("");
  for (
    const reply of [
      `${CHUNKED}${chunk(body)}0\r\n\r\n`,
      `HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${body}`,
    ]
  ) {
    await using vllm = serveRaw(({ send }) => send(reply));
    await using service = startService(vllm.origin);
    // On a busy machine the end may come too late to be waited for: then there are chunks.
    await until(async () => {
      const answer = await ask(service.origin, `${GET}\r\n`);
      assertEquals([answer.content, answer.complete], [WHOLE, true]);
      return answer.headers.get("content-length") === String(WHOLE.length);
    }, "an answer in one go");
  }
});

Deno.test("a body that comes slowly is passed on from its first part", async () => {
  const { answer, goOn } = slowly();
  await using vllm = serveRaw(answer);
  await using service = startService(vllm.origin);
  using client = await RawClient.send(service.origin, `${GET}\r\n`);
  await client.readUntil("vllm_a 1\n");
  goOn();
  const reply = await client.readToEnd();
  assertEquals(reply.headers.get("transfer-encoding"), "chunked");
  assertEquals([reply.content, reply.complete], [WHOLE, true]);
});

Deno.test("a first part without a whole family begins the reply and ends nothing", async () => {
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  await using vllm = serveRaw(async ({ send }) => {
    await send(CHUNKED + chunk("# TYPE vllm:a gauge\nvllm:a 1\n"));
    await within(begun, () => "the reply did not begin");
    await send(`${chunk('vllm:a{b="c"} 2\n')}0\r\n\r\n`);
  });
  await using service = startService(vllm.origin);
  using client = await RawClient.send(service.origin, `${GET}\r\n`);
  await client.readUntil("\r\n\r\n");
  resolve();
  const reply = await client.readToEnd();
  assertEquals(reply.content, '# TYPE vllm_a gauge\nvllm_a 1\nvllm_a{b="c"} 2\n');
  assert(reply.complete);
});

Deno.test.each(["gzip", "br"])(
  "a body that comes slowly is passed on in %s from its first part",
  async (coding) => {
    const { answer, goOn } = slowly();
    await using vllm = serveRaw(answer);
    await using service = startService(vllm.origin);
    const response = await service.get("/metrics", { "accept-encoding": coding });
    assertEquals(response.headers.get("content-encoding"), coding);
    let text = "";
    for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += part;
      if (text.includes("vllm_a 1\n")) goOn();
    }
    assertEquals(text, WHOLE);
  },
);

Deno.test.each(["gzip", "br"])(
  "a client that asks for %s gets it, with the same text in it",
  async (coding) => {
    await using vllm = serveCapture("during-load-c40");
    await using service = startService(vllm.origin);
    const accept = `accept-encoding: ${coding}\r\n`;
    const reply = await ask(service.origin, `${GET}${accept}\r\n`);
    assertEquals(reply.headers.get("content-encoding"), coding);
    assertEquals(reply.headers.get("vary")?.toLowerCase(), "accept-encoding");
    assertEquals(reply.headers.get("content-type"), EXPOSITION_TYPE);
    const { text } = capture("during-load-c40");
    assert(reply.body.length * 5 < text.length, `${reply.body.length} bytes are not compressed`);
    const response = await service.get("/metrics", { "accept-encoding": coding });
    assert(await response.text() === renamed(text), "the decoded bytes differ");
  },
);

Deno.test("a client that asks for no coding gets none", async () => {
  await using vllm = serveCapture("idle");
  await using service = startService(vllm.origin);
  for (const accept of ["identity", "zstd", "gzip;q=0"]) {
    const reply = await ask(service.origin, `${GET}accept-encoding: ${accept}\r\n\r\n`);
    assertEquals(reply.headers.get("content-encoding"), null, accept);
  }
});

Deno.test("HEAD answers with the length of what GET would get and no body", async () => {
  await using vllm = serveHttp(() => new Response(PARTS.join("")));
  await using service = startService(vllm.origin);
  const head = await ask(
    service.origin,
    `HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  );
  assertEquals(head.status, 200);
  assertEquals(head.headers.get("content-type"), EXPOSITION_TYPE);
  assertEquals(head.headers.get("content-length"), String(WHOLE.length));
  assertEquals(head.body, "");
});

Deno.test("HEAD does not wait for the end of a slow body, and lets go of vLLM", async () => {
  const { promise: gone, resolve: sawEnd } = Promise.withResolvers<void>();
  await using vllm = serveRaw(async ({ send, gone }) => {
    await send(CHUNKED + chunk(PARTS[0]));
    await gone();
    sawEnd();
  });
  await using service = startService(vllm.origin);
  const response = await fetch(`${service.origin}/metrics`, { method: "HEAD" });
  assertEquals([response.status, await response.text()], [200, ""]);
  await within(gone, () => "vLLM saw no end of the request");
  const series = await service.ownMetrics();
  assertEquals(series.get("vllm_metrics_requests_in_flight"), 0);
});

Deno.test("HEAD tells a failure by its status", async () => {
  await using vllm = serveHttp(() => new Response("no", { status: 500 }));
  await using service = startService(vllm.origin);
  const response = await fetch(`${service.origin}/metrics`, { method: "HEAD" });
  assertEquals([response.status, await response.text()], [502, ""]);
});

Deno.test("each request asks vLLM anew and passes nothing of the reader's on", async () => {
  await using vllm = serveRaw(({ send }) =>
    send(`HTTP/1.1 200 OK\r\nset-cookie: a=b\r\nx-own: c\r\nconnection: close\r\n\r\n${PARTS[0]}`)
  );
  await using service = startService(`${vllm.origin}/metrics`);
  const headers = { authorization: "Bearer reader", cookie: "a=b", "x-forwarded-for": "1.2.3.4" };
  for (let count = 1; count <= 3; count++) {
    const response = await service.get("/metrics?token=reader", headers);
    assertEquals(await response.text(), renamed(PARTS[0]));
    assertEquals(response.headers.get("set-cookie"), null);
    assertEquals(response.headers.get("x-own"), null);
    assertEquals(vllm.requests.length, count);
  }
  for (const request of vllm.requests) {
    assertEquals(request.split("\r\n")[0], "GET /metrics HTTP/1.1");
    assert(!/reader|cookie|1\.2\.3\.4/i.test(request), request);
  }
});
