import { assertEquals } from "@std/assert";
import { type Running, startServe } from "../commands/process.ts";
import { at, containersOf, environmentOf, nameOf, ofKind, readRendered } from "../deploy/files.ts";
import { serveCapture, until } from "../fakes.ts";
import { GOOD, serveParseable } from "../relay/fake_parseable.ts";
import { closedPort } from "../net/fakes.ts";

/** No registry has Fluent Bit: the variable names the program where there is one. */
const FLUENT_BIT = Deno.env.get("FLUENT_BIT");
const TLS = new URL("../testdata/tls/", import.meta.url).pathname;
const [USERNAME = "", PASSWORD = ""] = atob(GOOD.replace("Basic ", "")).split(":");

/** Whether the program was built with a plugin: small builds have no metrics of their own. */
async function hasPlugin(name: string): Promise<boolean> {
  const { stdout } = await new Deno.Command(FLUENT_BIT ?? "", { args: ["-h"] }).output();
  return new TextDecoder().decode(stdout).includes(name);
}

/** Starts both containers of a rendered pod, on ports of their own, until a row is stored. */
async function runPod(rendered: string): Promise<void> {
  const objects = await readRendered(rendered);
  const [service, fluentBit] = ofKind(objects, "StatefulSet").flatMap((object) =>
    containersOf([object])
  );
  const [config] = ofKind(objects, "ConfigMap").filter((o) => nameOf(o).endsWith("fluent-bit"));
  if (service === undefined || fluentBit === undefined) throw new Error("not two containers");
  const folder = await Deno.makeTempDir();
  try {
    await using vllm = serveCapture("colon-after-load");
    await using parseable = serveParseable();
    const env = environmentOf(service, objects);
    const otlpPort = String(closedPort());
    // A certificate for the Service's name, as in a cluster: Fluent Bit beside it calls 127.0.0.1.
    await using proxy = await startServe({
      env: {
        ...env,
        VLLM_METRICS_URL: `${vllm.origin}/metrics`,
        PARSEABLE_URL: parseable.origin,
        OTLP_LISTEN_ADDRESS: `127.0.0.1:${otlpPort}`,
        LOG_FORMAT: "text",
        ...env.TLS_CERT_FILE === undefined
          ? {}
          : { TLS_CERT_FILE: `${TLS}other.pem`, TLS_KEY_FILE: `${TLS}other.key` },
      },
    });
    const httpPort = closedPort();
    const hasOwnMetrics = await hasPlugin("fluentbit_metrics");
    const original = String(at(config, "data", "fluent-bit.conf"));
    const text = (hasOwnMetrics
      ? original
      : original.replace(/\[INPUT\]\n\s+name\s+fluentbit_metrics\n(?:.+\n)+/, ""))
      .replaceAll(/^(\s+port\s+)9090$/gm, `$1${await portOf(proxy)}`)
      .replace(/^(\s+port\s+)4318$/m, `$1${otlpPort}`)
      .replace(/^(\s+http_port\s+)2020$/m, `$1${httpPort}`)
      .replace("/fluent-bit/storage", `${folder}/storage`)
      .replaceAll("/tls/ca.crt", `${TLS}ca.pem`);
    await Deno.writeTextFile(`${folder}/fluent-bit.conf`, text);
    const child = new Deno.Command(FLUENT_BIT ?? "fluent-bit", {
      args: ["-c", `${folder}/fluent-bit.conf`],
      env: {
        ...environmentOf(fluentBit, objects),
        P_USERNAME: USERNAME,
        P_PASSWORD: PASSWORD,
        SCRAPE_INTERVAL: "1s",
      },
      clearEnv: true,
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      await until(
        () =>
          [
            "vllm_num_requests_running",
            "vllm_metrics_upstream_up",
            ...hasOwnMetrics ? ["fluentbit_uptime"] : [],
          ].every((name) =>
            parseable.stored.some((stored) => stored.text.includes(name))
          ),
        "rows of vLLM, the proxy and Fluent Bit",
      );
      const probe = String(at(fluentBit.container, "livenessProbe", "httpGet", "path"));
      const reply = await fetch(`http://127.0.0.1:${httpPort}${probe}`);
      await reply.body?.cancel();
      assertEquals(reply.status, 200);
      const streams = new Set(parseable.stored.map(({ headers }) => headers.get("x-p-stream")));
      assertEquals([...streams], [env.PARSEABLE_STREAM ?? "vLLMmetrics"]);
    } finally {
      child.kill("SIGTERM");
      await child.status;
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function portOf(proxy: Running): Promise<string> {
  const line = await proxy.log.seen("msg=Listening");
  return /address=\S*:(\d+)/.exec(line)?.[1] ?? "";
}

for (const rendered of ["helm-fluent-bit", "helm-guarded"]) {
  Deno.test({
    name: `${rendered}: Fluent Bit runs its configuration and rows arrive (needs FLUENT_BIT)`,
    ignore: FLUENT_BIT === undefined,
    fn: () => runPod(rendered),
  });
}
