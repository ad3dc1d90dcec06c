import { assert, assertEquals } from "@std/assert";
import { parseConfig } from "../../lib/config/config.ts";
import { pem } from "../net/fakes.ts";
import { asTexts, readCompose, readFluentBit, readRootFile, type Section } from "./files.ts";

/** Takes the "#" from the lines that docs/security.md tells to take it from. */
function uncommented(text: string): string {
  return text.replace(/^( +)#((?:http_|tls)\S* )/gm, "$1$2")
    .replace(/^( +)# (env_file: \[)/gm, "$1$2")
    .replace(/^( +)# With a certificate: /gm, "$1")
    .replace("fluent-bit.env]\n    environment", "fluent-bit.env, metrics.env]\n    environment");
}

function onePair(section: Section, key: string): string | undefined {
  const values = section.values.get(key) ?? [];
  assert(values.length < 2, key);
  return values[0];
}

/** The block of docs/security.md that is to be written into `metrics.env`. */
async function metricsEnv(): Promise<Record<string, string>> {
  const text = await readRootFile("docs/security.md");
  const block = /```ini\n# metrics\.env\n(.*?)```/s.exec(text)?.[1] ?? "";
  const lines = block.trim().split("\n");
  return Object.fromEntries(lines.map((line) => [
    line.slice(0, line.indexOf("=")),
    line.slice(line.indexOf("=") + 1),
  ]));
}

Deno.test("what is commented out in fluent-bit.conf guards both scrapes, and the way to the relay", async () => {
  const sections = await readFluentBit(uncommented);
  const scrapes = sections.filter((each) => onePair(each, "name") === "prometheus_scrape");
  assertEquals(scrapes.length, 2);
  for (const scrape of scrapes) {
    assertEquals(onePair(scrape, "http_user"), "${METRICS_USERNAME}");
    assertEquals(onePair(scrape, "http_passwd"), "${METRICS_PASSWORD}");
  }
  const outputs = sections.filter(({ kind }) => kind === "OUTPUT");
  for (const section of [...scrapes, ...outputs]) {
    assertEquals(onePair(section, "host"), "proxy");
    assertEquals(onePair(section, "tls"), "on");
    assertEquals(onePair(section, "tls.ca_file"), "/tls/ca.pem");
  }
  // The relay passes on the credentials of Parseable, guarded or not.
  assertEquals(outputs.map((output) => onePair(output, "http_user")), ["${P_USERNAME}"]);
});

Deno.test("what is commented out in compose.yml gives both services what they need", async () => {
  const { services } = await readCompose(uncommented);
  const { proxy, "fluent-bit": fluentBit } = services;
  assertEquals(proxy?.env_file, ["metrics.env"]);
  assertEquals(asTexts(proxy?.volumes), ["history:/data", "./tls:/tls:ro,z"]);
  assertEquals(fluentBit?.env_file, ["parseable.env", "fluent-bit.env", "metrics.env"]);
  assert(asTexts(fluentBit?.volumes).includes("./tls/ca.pem:/tls/ca.pem:ro,z"));
});

Deno.test("the metrics.env of docs/security.md is a configuration of the service", async () => {
  const env = await metricsEnv();
  assertEquals(Object.keys(env), [
    "METRICS_USERNAME",
    "METRICS_PASSWORD",
    "TLS_CERT_FILE",
    "TLS_KEY_FILE",
  ]);
  const files = new Map([["/tls/cert.pem", "server.pem"], ["/tls/key.pem", "server.key"]]);
  const result = parseConfig(
    { VLLM_METRICS_URL: "http://vllm:8000", ...env },
    (path) => pem(files.get(path) ?? ""),
  );
  if (!result.ok) throw new Error(result.mistakes.join("\n"));
  const { config: { access, tls }, warnings } = result;
  assertEquals([access !== undefined, tls?.certFile, warnings], [true, "/tls/cert.pem", []]);
});

Deno.test("docs/security.md names tests that are there", async () => {
  const text = await readRootFile("docs/security.md");
  const names = [...text.matchAll(/`([\w/]+_test\.ts)`/g)].map(([, name]) => name ?? "");
  assert(names.length > 10);
  for (const name of names) await readRootFile(`tests/${name}`);
});
