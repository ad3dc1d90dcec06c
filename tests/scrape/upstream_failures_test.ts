import { assertEquals } from "@std/assert";
import { startService, type TestService } from "../fakes.ts";
import {
  closedPort,
  type FakeServer,
  NO_SUCH_HOST,
  serveHttp,
  serveRaw,
  serveReply,
} from "../net/fakes.ts";

const CANNOT_SCRAPE = 'Cannot scrape "http://vllm/metrics":';
const CANNOT_READ = 'Cannot read "http://vllm/metrics": the server sent';
const LOGIN_HINT = "Is this the address of vLLM's metrics, and is no login page in front of it?";
const OVERLOAD_HINT =
  "Is vLLM overloaded? SCRAPE_TIMEOUT and the reader's own timeout set the limit.";
const CLOSED_HINT = "Did vLLM stop, or a gateway in front of it give up?";
const CLOSED = `${CANNOT_SCRAPE} the server closed the connection in the middle of the body, after`;
const LARGE_HINT = "Set MAX_BODY_BYTES higher if these are vLLM's metrics.";
const LENGTH_1000 = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";

/** A way in which vLLM fails, and what a client receives. */
interface Failure {
  /** What happens. */
  readonly name: string;
  /** The server that fails, or an address where none is. */
  readonly vllm: () => FakeServer | string;
  /** The code in the log and in the counter. */
  readonly code: string;
  /** The status of the reply. */
  readonly status: number;
  /** The whole text of the reply. */
  readonly sentence: string;
}

/** A server that answers 200 with a body of some type. */
function says(body: string, type = "text/plain; charset=utf-8"): () => FakeServer {
  return () => serveHttp(() => new Response(body, { headers: { "content-type": type } }));
}

/** A server that answers with a status and a text that nobody may see. */
function status(code: number): () => FakeServer {
  return () => serveHttp(() => new Response("vllm:up 1\n", { status: code }));
}

function statusFailure(code: number, words: string, hint: string): Failure {
  const sentence = `${CANNOT_SCRAPE} status ${code} ${words}. ${hint}`;
  return {
    name: `status ${code}`,
    vllm: status(code),
    code: "UPSTREAM_STATUS",
    status: 502,
    sentence,
  };
}

function foreign(name: string, vllm: () => FakeServer, what: string): Failure {
  const sentence = `${CANNOT_READ} ${what}. ${LOGIN_HINT}`;
  return { name, vllm, code: "UPSTREAM_NOT_EXPOSITION", status: 502, sentence };
}

function closes(name: string, reply: string, amount: string): Failure {
  const sentence = `${CLOSED} ${amount}. ${CLOSED_HINT}`;
  return { name, vllm: () => serveReply(reply), code: "UPSTREAM_CLOSED", status: 502, sentence };
}

function hangs(name: string, sent: string, what: string): Failure {
  const vllm = (): FakeServer =>
    serveRaw(async ({ send, gone }) => {
      await send(sent);
      await gone();
    });
  const sentence = `${CANNOT_SCRAPE} ${what} within 100ms. ${OVERLOAD_HINT}`;
  return { name, vllm, code: "UPSTREAM_TIMEOUT", status: 504, sentence };
}

const FAILURES: Failure[] = [
  {
    name: "a refused connection",
    vllm: () => `http://127.0.0.1:${closedPort()}`,
    code: "UPSTREAM_REFUSED",
    status: 502,
    sentence: `${CANNOT_SCRAPE} connection refused. Is vLLM running, and is the port right?`,
  },
  {
    name: "a host name that does not exist",
    vllm: () => `http://${NO_SUCH_HOST}`,
    code: "UPSTREAM_DNS",
    status: 502,
    sentence: `${CANNOT_SCRAPE} host name "${NO_SUCH_HOST}" not found. ` +
      "Is the name right? Between containers it is the name of vLLM's service.",
  },
  hangs("no answer in time", "", "no answer"),
  hangs("no body in time", LENGTH_1000, "only 0 of 1000 bytes of the body"),
  hangs("half a line in time", `${LENGTH_1000}vllm:`, "only 5 of 1000 bytes of the body"),
  statusFailure(
    401,
    "Unauthorized",
    "The server wants credentials: set VLLM_BEARER_TOKEN or VLLM_USERNAME/VLLM_PASSWORD.",
  ),
  statusFailure(
    403,
    "Forbidden",
    "The server knows the caller and refuses: do the credentials allow reading metrics?",
  ),
  statusFailure(404, "Not Found", "Is the path right? vLLM has its metrics at /metrics."),
  statusFailure(500, "Internal Server Error", "See the log of vLLM for the reason."),
  statusFailure(503, "Service Unavailable", "vLLM may still be starting."),
  {
    name: "a redirect to another server",
    vllm: () => serveHttp(() => Response.redirect("http://login.example/in?to=metrics", 302)),
    code: "UPSTREAM_REDIRECT",
    status: 502,
    sentence: `${CANNOT_SCRAPE} redirected to another server, "http://login.example". ` +
      "Credentials stay with the server they are for: set VLLM_METRICS_URL to that server if it " +
      "is the right one.",
  },
  {
    name: "a redirect without end",
    vllm: () => serveHttp((request) => Response.redirect(`${request.url}x`, 307)),
    code: "UPSTREAM_REDIRECT",
    status: 502,
    sentence: `${CANNOT_SCRAPE} redirected more than 5 times. ` +
      "Is the path right? vLLM has its metrics at /metrics.",
  },
  {
    name: "a body that says it is too large",
    vllm: says("vllm:up 1\n".repeat(600)),
    code: "UPSTREAM_TOO_LARGE",
    status: 502,
    sentence: `${CANNOT_SCRAPE} the body is too large, 6000 bytes, allowed are 5000. ${LARGE_HINT}`,
  },
  {
    name: "a body that turns out too large",
    vllm: () => serveReply(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${"#".repeat(6_000)}`),
    code: "UPSTREAM_TOO_LARGE",
    status: 502,
    sentence: `${CANNOT_SCRAPE} the body is too large, allowed are 5000. ${LARGE_HINT}`,
  },
  foreign(
    "a login page",
    says("\n<!doctype html>\n<title>Log in</title>\nvllm:up 1\n", "text/html"),
    "an HTML or XML page",
  ),
  foreign("JSON", says('{"error": "no\\nvllm:up 1"}\n', "application/json"), "JSON"),
  foreign("an empty body", says(""), "an empty body"),
  foreign("white space", says("\r\n \t\n"), "an empty body"),
  foreign(
    "comments without a sample",
    says("# HELP vllm:up Up.\n# TYPE vllm:up gauge\n"),
    'text without a sample, which begins with "# HELP vllm:up Up."',
  ),
  foreign(
    "another text",
    says("It works! This server has no metrics, and a long welcome.\n"),
    'text without a sample, which begins with "It works! This server has no metrics, an…"',
  ),
  {
    name: "a connection closed before the answer",
    vllm: () => serveReply(""),
    code: "UPSTREAM_CLOSED",
    status: 502,
    sentence: `${CANNOT_SCRAPE} the server closed the connection before it answered. ` +
      "Did vLLM stop, or is the port another service's?",
  },
  closes("a connection closed before the body", LENGTH_1000, "0 of 1000 bytes"),
  closes("a connection closed in the first line", `${LENGTH_1000}vllm:`, "5 of 1000 bytes"),
  closes(
    "a connection closed in the first chunk",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n400\r\nvllm:u",
    "6 bytes",
  ),
];

async function failureCount(service: TestService, code: string): Promise<number | undefined> {
  return (await service.ownMetrics()).get(`vllm_metrics_scrape_failures_total{code="${code}"}`);
}

Deno.test.each(FAILURES)(
  "$name is one sentence in the response, and one line in the log",
  async (failure) => {
    const server = failure.vllm();
    await using stack = new AsyncDisposableStack();
    const origin = typeof server === "string" ? server : stack.use(server).origin;
    const timeoutMs = failure.status === 504 ? 100 : 20_000;
    await using service = startService(origin, { maxBodyBytes: 5_000, timeoutMs });
    for (let count = 1; count <= 2; count++) {
      const response = await service.get("/metrics");
      assertEquals(
        [response.status, await response.text()],
        [failure.status, `${failure.sentence}\n`],
      );
      assertEquals(response.headers.get("content-type"), "text/plain; charset=utf-8");
      assertEquals(response.headers.get("retry-after"), null);
      assertEquals(await failureCount(service, failure.code), count);
    }
    const [error = "", hint = ""] = failure.sentence.split(/(?<=[^.])\. (?=[A-Z]|vLLM may)/, 2);
    assertEquals(service.log.all, [
      'level=warn msg="Upstream is down" upstream=http://vllm/metrics ' +
      `code=${failure.code} error=${JSON.stringify(error)} hint=${JSON.stringify(hint)}`,
    ]);
    const series = await service.ownMetrics();
    assertEquals(series.get("vllm_metrics_upstream_up"), 0);
    assertEquals(series.get("vllm_metrics_scrape_samples"), 0);
    assertEquals(series.get("vllm_metrics_requests_in_flight"), 0);
  },
);
