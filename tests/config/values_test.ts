import { assertEquals } from "@std/assert";
import {
  parseAddress,
  parseBoolean,
  parseBytes,
  parseCertificates,
  parseChoice,
  type Parsed,
  parseDuration,
  parsePrivateKey,
  parseStreamName,
} from "../../lib/config/values.ts";

const SECONDS = { min: "100ms", max: "5m", example: "10s" };
const SIZES = { min: "1KiB", max: "4GiB", example: "64MiB" };

Deno.test.each([
  ["500ms", 500],
  ["100ms", 100],
  ["2s", 2000],
  ["1.5s", 1500],
  ["2 s", 2000],
  ["1m", 60_000],
  ["5m", 300_000],
  ["0.05h", 180_000],
])("parseDuration() reads %s", (text, value) => {
  assertEquals(parseDuration(text, SECONDS), { ok: true, value });
});

Deno.test.each([
  ["10", "it has no unit"],
  ["1.5", "it has no unit"],
  ["ten", "it is not a duration"],
  ["-2s", "it is not a duration"],
  ["1m30s", "it is not a duration"],
  ["2w", "it is not a duration"],
  ["1d", "it is more than 5m"],
  ["1constructor", "it is not a duration"],
  ["99ms", "it is less than 100ms"],
  ["0s", "it is less than 100ms"],
  ["301s", "it is more than 5m"],
  ["99999999999999999999s", "it is more than 5m"],
])("parseDuration() refuses %s", (text, reason) => {
  const problem = `${reason}. Write a duration from 100ms to 5m, such as "10s".`;
  assertEquals(parseDuration(text, SECONDS), { ok: false, problem });
});

Deno.test.each([
  ["65536", 65_536],
  ["2048B", 2048],
  ["64KiB", 65_536],
  ["64kib", 65_536],
  ["10MiB", 10_485_760],
  ["10 MiB", 10_485_760],
  ["10MB", 10_000_000],
  ["1.5GiB", 1_610_612_736],
  ["4GB", 4_000_000_000],
])("parseBytes() reads %s", (text, value) => {
  assertEquals(parseBytes(text, SIZES), { ok: true, value });
});

Deno.test.each([
  ["64M", "it is not a size in bytes"],
  ["big", "it is not a size in bytes"],
  ["-1", "it is not a size in bytes"],
  ["1e6", "it is not a size in bytes"],
  ["1023", "it is less than 1KiB"],
  ["0", "it is less than 1KiB"],
  ["5GiB", "it is more than 4GiB"],
])("parseBytes() refuses %s", (text, reason) => {
  const problem = `${reason}. Write a size from 1KiB to 4GiB, such as "64MiB".`;
  assertEquals(parseBytes(text, SIZES), { ok: false, problem });
});

Deno.test.each([
  ["true", true],
  ["True", true],
  ["1", true],
  ["false", false],
  ["FALSE", false],
  ["0", false],
])("parseBoolean() reads %s", (text, value) => {
  assertEquals(parseBoolean(text), { ok: true, value });
});

Deno.test.each(["yes", "on", "2", "tru"].map((text) => [text]))(
  "parseBoolean() refuses %s",
  (text) => {
    const problem = 'it is neither true nor false. Write "true" or "false".';
    assertEquals(parseBoolean(text), { ok: false, problem });
  },
);

Deno.test("parseChoice() reads a word in any case and names the words for any other", () => {
  assertEquals(parseChoice("JSON", ["text", "json"]), { ok: true, value: "json" });
  assertEquals(parseChoice("xml", ["text", "json"]), {
    ok: false,
    problem: 'it is not one of the words. Write one of "text", "json".',
  });
});

Deno.test.each([
  ["0.0.0.0:9090", "0.0.0.0", 9090],
  ["127.0.0.1:0", "127.0.0.1", 0],
  ["[::]:9090", "::", 9090],
  ["[::1]:65535", "::1", 65_535],
  [":9090", "0.0.0.0", 9090],
  ["localhost:9090", "localhost", 9090],
  ["Metrics_1.example.com:80", "metrics_1.example.com", 80],
])("parseAddress() reads %s", (text, hostname, port) => {
  assertEquals(parseAddress(text), { ok: true, value: { hostname, port } });
});

const BAD_PORT = 'its port is no number from 0 to 65535. Write it as in "0.0.0.0:9090".';
const BAD_HOST = 'its host is no name and no address. Write it as in "0.0.0.0:9090".';

Deno.test.each([
  ["9090", 'it has no host. Write "0.0.0.0:9090".'],
  ["127.0.0.1", 'it has no port. Write host and port, as in "127.0.0.1:9090".'],
  ["[::1]", 'it has no port. Write host and port, as in "[::1]:9090".'],
  ["user@host", 'it has no port. Write host and port, as in "0.0.0.0:9090".'],
  ["::", 'it has no brackets and no port. Write "[::]:9090".'],
  ["::1:9090", 'an IPv6 address stands in brackets. Write "[::1]:9090".'],
  ["http://0.0.0.0:9090", 'it is a URL. Write host and port, as in "0.0.0.0:9090".'],
  ["localhost:", BAD_PORT],
  ["localhost:http", BAD_PORT],
  ["localhost:65536", BAD_PORT],
  ["localhost:-1", BAD_PORT],
  ["two words:9090", BAD_HOST],
  ["[zz]:9090", BAD_HOST],
  ["1.2:9090", BAD_HOST],
  ["300.1.1.1:9090", BAD_HOST],
])("parseAddress() refuses %s", (text, problem) => {
  assertEquals(parseAddress(text), { ok: false, problem });
});

Deno.test.each([["vLLMmetrics"], ["vllm_metrics-2"], ["-a"], ["_a"], ["1"], ["Select"], [
  "pstats",
]])(
  "parseStreamName() takes %s, as Parseable does",
  (text) => {
    assertEquals(parseStreamName(text), { ok: true, value: text });
  },
);

// Parseable would store "été", but its reading of X-P-Stream ends at anything beyond ASCII.
Deno.test.each([["with space"], ["a.b"], ["a/b"], ["a:b"], ['a"b'], ["a\nb"], ["été"], ["日本"]])(
  "parseStreamName() refuses %j",
  (text) => {
    assertEquals(parseStreamName(text), {
      ok: false,
      problem: "it has a character that no stream can have in its name. " +
        'Write only letters from A to Z, digits, "-" and "_", as in "vLLMmetrics".',
    });
  },
);

Deno.test.each([["select"], ["from"], ["by"], ["sql"], ["DEFAULT_TENANT"]])(
  "parseStreamName() refuses %s, which Parseable keeps",
  (text) => {
    assertEquals(parseStreamName(text), {
      ok: false,
      problem: 'Parseable keeps that name for itself. Write another, such as "vLLMmetrics".',
    });
  },
);

function accepted<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

function pem(label: string): string {
  return `-----BEGIN ${label}-----\nMIIB\n-----END ${label}-----\n`;
}

Deno.test("parseCertificates() takes a PEM file with text around its certificates", () => {
  const text = `Some Authority\n${pem("CERTIFICATE")}${pem("CERTIFICATE")}`;
  assertEquals(parseCertificates(text), { ok: true, value: text });
});

Deno.test.each([
  ["a key", pem("PRIVATE KEY")],
  ["other text", "hello"],
  ["a file cut short", "-----BEGIN CERTIFICATE-----\nMIIB"],
])("parseCertificates() refuses %s", (_, text) => {
  assertEquals(parseCertificates(text), {
    ok: false,
    problem: 'no certificate is in it. Give a PEM file with "-----BEGIN CERTIFICATE-----".',
  });
});

Deno.test.each([["PRIVATE KEY"], ["RSA PRIVATE KEY"], ["EC PRIVATE KEY"]])(
  "parsePrivateKey() takes a PEM file with a %s",
  (label) => {
    assertEquals(accepted(parsePrivateKey(pem(label))).reveal(), pem(label));
  },
);

Deno.test.each([["CERTIFICATE"], ["OPENSSH PRIVATE KEY"], ["PUBLIC KEY"]])(
  "parsePrivateKey() refuses a %s",
  (label) => {
    assertEquals(parsePrivateKey(pem(label)), {
      ok: false,
      problem: 'no private key is in it. Give a PEM file with "-----BEGIN PRIVATE KEY-----".',
    });
  },
);

Deno.test.each([
  ["PKCS #8", pem("ENCRYPTED PRIVATE KEY")],
  ["PKCS #1", pem("RSA PRIVATE KEY").replace("MIIB", "Proc-Type: 4,ENCRYPTED\n\nMIIB")],
])("parsePrivateKey() refuses a %s key with a passphrase", (_, text) => {
  assertEquals(parsePrivateKey(text), {
    ok: false,
    problem: "its key has a passphrase. Give a PEM file with a key that has none.",
  });
});
