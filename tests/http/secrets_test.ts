import { assert, assertEquals } from "@std/assert";
import { parseConfig, type ServersConfig } from "../../lib/config/config.ts";
import { runCommand } from "../../lib/commands/mod.ts";
import { fakeHost } from "../commands/fake_host.ts";
import { run, startServe } from "../commands/process.ts";
import { startService, type TestService } from "../fakes.ts";
import { closedPort, type Conversation, NO_SUCH_HOST, pem, serveRaw } from "../net/fakes.ts";

/** Words that no log line, no route and no error may show. */
const SECRETS = {
  token: "tok-Hunter2-bearer",
  username: "usr-Hunter2-name",
  password: "pwd-Hunter2/word?",
  header: "hdr-Hunter2-value",
  query: "qry-Hunter2-value",
  readerToken: "rtk-Hunter2-bearer",
  readerName: "rus-Hunter2-name",
  readerPassword: "rpw-Hunter2/word?",
} as const;

const BASIC = btoa(`${SECRETS.username}:${SECRETS.password}`);
const READER_BASIC = btoa(`${SECRETS.readerName}:${SECRETS.readerPassword}`);
const READERS = {
  METRICS_USERNAME: SECRETS.readerName,
  METRICS_PASSWORD: SECRETS.readerPassword,
  METRICS_BEARER_TOKEN: SECRETS.readerToken,
} as const;
/** What readers send: nothing, right credentials, and wrong ones that are nearly right. */
const AUTHORIZATIONS: readonly (Readonly<Record<string, string>>)[] = [
  {},
  { authorization: `Basic ${READER_BASIC}` },
  { authorization: `Bearer ${SECRETS.readerToken}` },
  { authorization: `Bearer ${SECRETS.readerToken}x` },
  { authorization: `Basic ${btoa(`${SECRETS.readerName}:${SECRETS.readerToken}`)}` },
  { authorization: SECRETS.readerPassword },
];
const NEEDLES = [
  "Hunter2",
  BASIC,
  READER_BASIC,
  btoa(SECRETS.token),
  btoa(SECRETS.password),
  "-value",
  "-bearer",
  "-name",
  "word?",
  "word%3F",
];

/** A way to give the service its secrets. */
interface Way {
  readonly name: string;
  /** The variables besides the URL. */
  readonly env: Readonly<Record<string, string>>;
  /** What stands before the host in the URL. */
  readonly userinfo?: string;
  /** What vLLM must be sent, to show that the secret is in use. */
  readonly sent: string;
}

const FILES: Readonly<Record<string, string>> = {
  "/run/token": `${SECRETS.token}\n`,
  "/run/username": SECRETS.username,
  "/run/password": `${SECRETS.password}\r\n`,
  "/run/headers": `X-Key: ${SECRETS.header}\n`,
};

const IN_URL: Way = {
  name: "the URL",
  env: {},
  userinfo: `${SECRETS.username}:${encodeURIComponent(SECRETS.password)}@`,
  sent: `authorization: Basic ${BASIC}`,
};

const WAYS: readonly Way[] = [
  {
    name: "VLLM_BEARER_TOKEN",
    env: { VLLM_BEARER_TOKEN: SECRETS.token },
    sent: `authorization: Bearer ${SECRETS.token}`,
  },
  {
    name: "VLLM_BEARER_TOKEN_FILE",
    env: { VLLM_BEARER_TOKEN_FILE: "/run/token" },
    sent: `authorization: Bearer ${SECRETS.token}`,
  },
  {
    name: "VLLM_USERNAME and VLLM_PASSWORD",
    env: { VLLM_USERNAME: SECRETS.username, VLLM_PASSWORD: SECRETS.password },
    sent: `authorization: Basic ${BASIC}`,
  },
  {
    name: "VLLM_USERNAME_FILE and VLLM_PASSWORD_FILE",
    env: { VLLM_USERNAME_FILE: "/run/username", VLLM_PASSWORD_FILE: "/run/password" },
    sent: `authorization: Basic ${BASIC}`,
  },
  {
    name: "VLLM_HEADERS",
    env: { VLLM_HEADERS: `X-Key: ${SECRETS.header}\\nAuthorization: ${SECRETS.token}` },
    sent: `x-key: ${SECRETS.header}`,
  },
  {
    name: "VLLM_HEADERS_FILE",
    env: { VLLM_HEADERS_FILE: "/run/headers" },
    sent: `x-key: ${SECRETS.header}`,
  },
  IN_URL,
];

function urlOf(way: Way, origin: string): string {
  return `${origin.replace("://", `://${way.userinfo ?? ""}`)}/metrics?key=${SECRETS.query}`;
}

function configOf(way: Way, origin: string): ServersConfig {
  const result = parseConfig(
    { ...way.env, VLLM_METRICS_URL: urlOf(way, origin), SCRAPE_TIMEOUT: "100ms" },
    (path) => FILES[path] ?? "",
  );
  if (!result.ok) throw new Error(result.mistakes.join("\n"));
  return result.config.servers;
}

function reply(head: string, body = ""): string {
  return `HTTP/1.1 ${head}\r\nconnection: close\r\n\r\n${body}`;
}

/** What vLLM, or what is taken for it, answers; it repeats what it was sent where that is bad. */
const ANSWERS: Readonly<Record<string, (talk: Conversation) => Promise<void>>> = {
  "success": ({ send }) => send(reply("200 OK", "vllm:up 1\n")),
  "401": ({ send, request }) => send(reply("401 Unauthorized", request)),
  "403": ({ send, request }) => send(reply(`403 ${SECRETS.token}`, request)),
  "500": ({ send, request }) => send(reply("500 Oops", request)),
  "JSON": ({ send, request }) => send(reply("200 OK", JSON.stringify({ request }))),
  "a page": ({ send, request }) => send(reply("200 OK", `<pre>${request}</pre>`)),
  "plain text": ({ send, request }) => send(reply("200 OK", request.split("\r\n").at(-1))),
  "the key alone": ({ send }) => send(reply("200 OK", `Invalid key: ${SECRETS.token}`)),
  "a foreign redirect": ({ send }) =>
    send(reply(`302 Found\r\nlocation: http://u:${SECRETS.password}@x.example/?k=${BASIC}`)),
  "a redirect without end": ({ send }) =>
    send(reply(`302 Found\r\nlocation: /metrics?key=${SECRETS.query}`)),
  "no HTTP": ({ send, request }) => send(request),
  "silence": ({ gone }) => gone(),
  "a closed connection": () => Promise.resolve(),
  "a body that breaks off": ({ send }) =>
    send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nvllm:up 1\n"),
  "a wrong coding": ({ send, request }) => send(reply("200 OK\r\ncontent-encoding: gzip", request)),
  "a large body": ({ send, request }) =>
    send(reply("200 OK\r\ncontent-length: 99999999999", request)),
};

function assertSecret(text: string, where: string): void {
  for (const needle of NEEDLES) assert(!text.includes(needle), `${where} shows a secret: ${text}`);
}

/** Asks every route and looks at all that comes back, and at the log. */
async function assertNothingShows(service: TestService, where: string): Promise<void> {
  for (const path of ["/metrics", "/", "/-/metrics", "/-/ready", "/-/healthy", "/nothing"]) {
    for (const accept of path === "/" ? ["text/html", "text/plain"] : ["*/*"]) {
      const response = await service.get(path, { accept });
      const body = await response.text().catch(String);
      assertSecret(body, `${path} after ${where}`);
      assertSecret(JSON.stringify([...response.headers]), `${path} after ${where}`);
    }
  }
  for (const line of service.log.all) assertSecret(line, `the log after ${where}`);
}

Deno.test.each(WAYS)("secrets in $name do not show, whatever vLLM answers", async (way) => {
  let answer: (talk: Conversation) => Promise<void> = () => Promise.resolve();
  await using vllm = serveRaw((talk) => answer(talk));
  await using service = startService(vllm.origin, { servers: configOf(way, vllm.origin) });
  for (const [name, next] of Object.entries(ANSWERS)) {
    answer = next;
    await assertNothingShows(service, name);
  }
  const [request = ""] = vllm.requests;
  assert(request.includes(way.sent), `vLLM was not sent "${way.sent}"`);
  assert(request.includes(`GET /metrics?key=${SECRETS.query} `));
  // Each kind of answer was met, and each change was logged.
  assert(service.log.all.length > 8, service.log.all.join("\n"));
});

Deno.test.each(WAYS)("secrets in $name do not show when vLLM is not reached", async (way) => {
  await using plain = serveRaw(() => Promise.resolve());
  for (
    const origin of [
      `http://127.0.0.1:${closedPort()}`,
      `http://${NO_SUCH_HOST}`,
      plain.origin.replace("http:", "https:"),
      "http://127.0.0.1:22",
    ]
  ) {
    await using service = startService(origin, { servers: configOf(way, origin) });
    await assertNothingShows(service, origin);
    assertEquals(service.log.all.length, 1);
  }
});

Deno.test("a guarded process shows no secret to anybody, on plain HTTP and over TLS", async () => {
  const keyFile = new URL("../testdata/tls/server.key", import.meta.url).pathname;
  const key = pem("server.key").split("\n")[1] ?? "";
  for (const isTls of [false, true]) {
    await using vllm = serveRaw(({ send }) => send(reply("200 OK", "vllm:up 1\n")));
    const tls = { TLS_CERT_FILE: keyFile.replace(".key", ".pem"), TLS_KEY_FILE: keyFile };
    const env = { VLLM_METRICS_URL: vllm.origin, LOG_LEVEL: "debug", ...READERS };
    await using service = await startServe({ env: { ...env, ...(isTls ? tls : {}) } });
    const { port } = new URL(await service.origin());
    using client = Deno.createHttpClient({ caCerts: [pem("ca.pem")] });
    const origin = `${isTls ? "https" : "http"}://localhost:${port}`;
    const paths = ["/metrics", "/", "/-/metrics", "/-/ready", "/nothing"];
    const asked = paths.flatMap((path) =>
      AUTHORIZATIONS.map(async (headers) => {
        const response = await fetch(origin + path, { headers, client });
        const shown = `${JSON.stringify([...response.headers])} ${await response.text()}`;
        assertSecret(shown, path);
        return response.status;
      })
    );
    const statuses = await Promise.all(asked);
    assertEquals([...new Set(statuses)].toSorted(), [200, 401, 404]);
    service.kill("SIGTERM");
    await service.code;
    const log = service.log.all.join("\n");
    assertSecret(log, "the log");
    assert(log.includes("Wrong credentials"));
    assert(key.length > 60 && !log.includes(key), "the log shows the key");
  }
});

/** Runs `check` in this process; gives all that it printed. */
async function checked(env: Readonly<Record<string, string>>): Promise<string> {
  const { host, output } = fakeHost({ args: ["check"], stdin: new ReadableStream() });
  const readTextFile = (path: string): string => {
    const text = FILES[path];
    if (text === undefined) throw new Deno.errors.NotFound();
    return text;
  };
  await runCommand({ ...host, env, readTextFile });
  return JSON.stringify(output());
}

Deno.test.each(WAYS)(
  "check shows no secret in $name, whatever vLLM and Parseable answer",
  async (way) => {
    let answer: (talk: Conversation) => Promise<void> = () => Promise.resolve();
    await using vllm = serveRaw((talk) => answer(talk));
    const parseable = { P_USERNAME: SECRETS.username, P_PASSWORD: SECRETS.password };
    const env = {
      ...way.env,
      ...READERS,
      ...parseable,
      VLLM_METRICS_URL: urlOf(way, vllm.origin),
      // What answers in their place is no service of ours, and repeats what it is sent.
      LISTEN_ADDRESS: vllm.origin.slice("http://".length),
      OTLP_LISTEN_ADDRESS: `127.0.0.1:${closedPort()}`,
      PARSEABLE_URL: vllm.origin,
      PARSEABLE_TIMEOUT: "100ms",
      SCRAPE_TIMEOUT: "100ms",
    };
    for (const [name, next] of Object.entries(ANSWERS)) {
      // Own listeners have a time limit of seconds.
      if (name === "silence") continue;
      answer = next;
      assertSecret(await checked(env), `check after ${name}`);
    }
    answer = ({ send, request }) => {
      const said = /authorization: (?:\S+ )?(\S+)/.exec(request)?.[1] ?? "";
      const about = { version: said, deploymentId: said, data: [{ id: said }], message: said };
      return send(reply("200 OK", JSON.stringify(about)));
    };
    assertSecret(await checked(env), "check after credentials as versions");
    assert(vllm.requests.some((request) => request.includes(way.sent)));
    assert(vllm.requests.some((request) => request.includes(`Bearer ${SECRETS.readerToken}`)));
  },
);

Deno.test("a process shows no secret, neither in its log nor in what it says of mistakes", async () => {
  await using vllm = serveRaw(({ send }) => send(reply("200 OK", "vllm:up 1\n")));
  const env = {
    VLLM_METRICS_URL: urlOf(IN_URL, vllm.origin),
    VLLM_HEADERS: `X-Key: ${SECRETS.header}`,
    LOG_LEVEL: "debug",
  };
  {
    await using service = await startServe({ env });
    const origin = await service.origin();
    await (await fetch(`${origin}/metrics`)).text();
    assertSecret(await (await fetch(origin)).text(), "the page");
    service.kill("SIGTERM");
    await service.code;
    assertSecret(service.log.all.join("\n"), "the log");
    assert(vllm.requests[0]?.includes(`authorization: Basic ${BASIC}`));
  }
  const mistaken = {
    ...env,
    VLLM_BEARER_TOKEN: `two ${SECRETS.token}`,
    LISTEN_ADDRESS: env.VLLM_METRICS_URL,
    SCRAPE_TIMEOUT: "x",
    METRICS_PASSWORD: SECRETS.readerPassword,
    METRICS_BEARER_TOKEN: `two ${SECRETS.readerToken}`,
    TLS_KEY_FILE: "main.ts",
  };
  const outputs = await Promise.all([
    run(["serve"], { env: mistaken }),
    run(["healthcheck"], { env: mistaken }),
    run(["check"], { env: mistaken }),
    run(["top", "--once"], { env: mistaken }),
    run(["help"], { env }),
    run(["version"], { env }),
  ]);
  for (const output of outputs) assertSecret(JSON.stringify(output), "a command");
  assertEquals(outputs.map(({ code }) => code), [2, 1, 1, 2, 0, 0]);
});
