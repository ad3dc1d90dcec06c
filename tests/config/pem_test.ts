import { assertEquals } from "@std/assert";
import { parseCertificates, type Parsed, parsePrivateKey } from "../../lib/config/values.ts";

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
