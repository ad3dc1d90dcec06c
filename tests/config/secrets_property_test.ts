import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseConfig } from "../../lib/config/config.ts";
import type { Environment } from "../../lib/config/env_file.ts";
import { pem } from "../net/fakes.ts";
import { parseLook, parseProvision } from "../../lib/config/provision_config.ts";

/** Where a secret can be, and the environment that puts it there. */
const PLACES: Readonly<Record<string, (secret: string) => Environment>> = {
  "a bearer token": (secret) => ({ VLLM_BEARER_TOKEN: secret }),
  "a token file": () => ({ VLLM_BEARER_TOKEN_FILE: "/secret" }),
  "a user name": (secret) => ({ VLLM_USERNAME: secret, VLLM_PASSWORD: "word" }),
  "a user name without password": (secret) => ({ VLLM_USERNAME: secret }),
  "a password": (secret) => ({ VLLM_USERNAME: "me", VLLM_PASSWORD: secret }),
  "a password file": () => ({ VLLM_USERNAME: "me", VLLM_PASSWORD_FILE: "/secret" }),
  "a header": (secret) => ({ VLLM_HEADERS: `X-Key: ${secret}` }),
  "a header without name": (secret) => ({ VLLM_HEADERS: secret }),
  "a header file": () => ({ VLLM_HEADERS_FILE: "/secret" }),
  "a private key": () => ({ VLLM_TLS_CERT_FILE: "/cert.pem", VLLM_TLS_KEY_FILE: "/key.pem" }),
  "a broken private key": () => ({ VLLM_TLS_KEY_FILE: "/secret" }),
  "a broken certificate": () => ({ VLLM_TLS_CA_FILE: "/secret" }),
  "a URL as it stands": (secret) => ({ VLLM_METRICS_URL: `http://me:${secret}@vllm:8000/m` }),
  "a URL as user": (secret) => ({ VLLM_METRICS_URL: `http://${secret}@vllm:8000` }),
  "a URL, encoded": (secret) => ({
    VLLM_METRICS_URL: `https://me:${encodeURIComponent(secret)}@vllm`,
  }),
  "a URL without scheme": (secret) => ({ VLLM_METRICS_URL: `me:${secret}@vllm:8000` }),
  "a URL with a wrong scheme": (secret) => ({ VLLM_METRICS_URL: `ftp://me:${secret}@vllm` }),
  "a URL with a wrong port": (secret) => ({ VLLM_METRICS_URL: `http://me:${secret}@vllm:x` }),
  "one of several URLs": (secret) => ({
    VLLM_METRICS_URL: `a=http://x:1,http://me:${secret}@vllm:8000,dns+http://y`,
  }),
  "one of several URLs that are wrong": (secret) => ({
    VLLM_METRICS_URL: `a=htp://x:1 b=htp://me:${secret}@vllm:8000, dns+http://1.2.3.4`,
  }),
  "a URL to look up": (secret) => ({ VLLM_METRICS_URL: `dns+http://me:${secret}@vllm:8000` }),
  "a query": (secret) => ({
    VLLM_METRICS_URL: `http://vllm/m?key=${encodeURIComponent(secret)}`,
  }),
  "a query of a wrong URL": (secret) => ({
    VLLM_METRICS_URL: `vllm:8000?key=${encodeURIComponent(secret)}`,
  }),
  "a URL of Parseable as it stands": (secret) => ({
    PARSEABLE_URL: `http://me:${secret}@parseable:8000`,
  }),
  "a URL of Parseable as user": (secret) => ({ PARSEABLE_URL: `http://${secret}@parseable` }),
  "a URL of Parseable, encoded": (secret) => ({
    PARSEABLE_URL: `https://me:${encodeURIComponent(secret)}@parseable/v1/metrics`,
  }),
  "a URL of Parseable without scheme": (secret) => ({ PARSEABLE_URL: `me:${secret}@parseable` }),
  "a URL of Parseable with a wrong scheme": (secret) => ({
    PARSEABLE_URL: `otlp://me:${secret}@parseable`,
  }),
  "a query of a URL of Parseable": (secret) => ({
    PARSEABLE_URL: `http://parseable?key=${encodeURIComponent(secret)}`,
  }),
  "a fragment of a URL of Parseable": (secret) => ({
    PARSEABLE_URL: `http://parseable#${encodeURIComponent(secret)}`,
  }),
  "a broken certificate for Parseable": () => ({ PARSEABLE_TLS_CA_FILE: "/secret" }),
  "a credential for Parseable": (secret) => ({ PARSEABLE_PASSWORD: secret }),
  "a password of Parseable": (secret) => ({ P_USERNAME: "me", P_PASSWORD: secret }),
  "a user of Parseable without password": (secret) => ({ P_USERNAME: secret }),
  "a password file of Parseable": () => ({ P_USERNAME: "me", P_PASSWORD_FILE: "/secret" }),
  "a key of Parseable": (secret) => ({ PARSEABLE_API_KEY: secret }),
  "a webhook": (secret) => ({ ALERT_WEBHOOK_URL: `https://example.com/${secret}` }),
  "a webhook without scheme": (secret) => ({ ALERT_WEBHOOK_URL: secret }),
  "an address for Deno": (secret) => ({ DENO_SERVE_ADDRESS: secret }),
  "a password of readers": (secret) => ({ METRICS_USERNAME: "me", METRICS_PASSWORD: secret }),
  "a password of readers without user": (secret) => ({ METRICS_PASSWORD: secret }),
  "a user name of readers": (secret) => ({ METRICS_USERNAME: secret, METRICS_PASSWORD: "word" }),
  "a token of readers": (secret) => ({ METRICS_BEARER_TOKEN: secret }),
  "a token file of readers": () => ({ METRICS_BEARER_TOKEN_FILE: "/secret" }),
  "a private key of the listeners": () => ({
    TLS_CERT_FILE: "/good.pem",
    TLS_KEY_FILE: "/key.pem",
  }),
  "a broken private key of the listeners": () => ({
    TLS_CERT_FILE: "/good.pem",
    TLS_KEY_FILE: "/secret",
  }),
  "a broken certificate of the listeners": () => ({
    TLS_CERT_FILE: "/secret",
    TLS_KEY_FILE: "/key.pem",
  }),
  "a URL in a wrong place": (secret) => ({ LISTEN_ADDRESS: `http://me:${secret}@vllm:8000` }),
};

/** A certificate that can be read. */
const GOOD = pem("server.pem");

/** All that somebody could get to see for an environment. */
function shown(env: Environment, secret: string): string {
  return `${shownByServe(env, secret)}\n${shownByProvision(env, secret)}`;
}

function shownByProvision(env: Environment, secret: string): string {
  const url = "http://parseable:8000";
  const settings = { PARSEABLE_URL: url, ...env };
  const results = [parseProvision(settings, () => secret), parseLook(settings, () => secret)];
  const inspected = Deno.inspect(results, { depth: 10, strAbbreviateSize: Infinity });
  return [JSON.stringify(results), inspected].join("\n");
}

function shownByServe(env: Environment, secret: string): string {
  const files: Readonly<Record<string, string>> = {
    "/secret": secret,
    "/good.pem": GOOD,
    "/cert.pem": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "/key.pem": `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----`,
  };
  const result = parseConfig(
    { VLLM_METRICS_URL: "http://vllm:8000", ...env },
    (path) => files[path] ?? "",
  );
  const inspected = Deno.inspect(result, { depth: 10, strAbbreviateSize: Infinity });
  if (!result.ok) return [...result.mistakes, ...result.warnings, inspected].join("\n");
  const { servers, relay } = result.config;
  const labels = [...servers.list.map(({ upstream }) => upstream.label), relay?.label ?? ""];
  return [...result.warnings, ...labels, JSON.stringify(result.config), inspected].join(
    "\n",
  );
}

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

/** The forms in which a secret would give itself away. */
function formsOf(secret: string): string[] {
  const url = URL.parse(`http://me:${secret}@vllm`);
  return [
    secret,
    secret.trim(),
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    url?.password ?? secret,
    base64(`me:${secret}`),
    base64(`${secret}:word`),
  ].filter((form) => form.length >= 6);
}

const secrets = fc.oneof(
  fc.string({ minLength: 6, maxLength: 40 }),
  fc.string({ minLength: 6, maxLength: 40, unit: "grapheme" }),
  fc.base64String({ minLength: 8, maxLength: 40 }),
  // What URLs, headers and PEM files give a meaning to.
  fc.string({
    minLength: 6,
    maxLength: 20,
    unit: fc.constantFrom(..."ab1:/?#@%&=;\\\n \"'[]-"),
  }),
);

for (const [place, envOf] of Object.entries(PLACES)) {
  Deno.test(`no configuration ever shows a secret that is ${place}`, () => {
    // A text that is there without the secret as well gives nothing away.
    const innocent = shown(envOf("!!!"), "!!!");
    fc.assert(
      fc.property(secrets, (secret) => {
        const text = shown(envOf(secret), secret);
        const leaked = formsOf(secret).filter((form) =>
          text.includes(form) && !innocent.includes(form)
        );
        assertEquals(leaked, []);
      }),
      { numRuns: 300 },
    );
  });
}
