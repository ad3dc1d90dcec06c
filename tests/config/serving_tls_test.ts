import { assertEquals } from "@std/assert";
import { parseConfig } from "../../lib/config/config.ts";
import type { Environment } from "../../lib/config/env_file.ts";
import { pem } from "../net/fakes.ts";

const FILES: Readonly<Record<string, () => string>> = {
  "/cert.pem": () => pem("server.pem"),
  "/chain.pem": () => pem("server.pem") + pem("ca.pem"),
  "/reversed.pem": () => pem("ca.pem") + pem("server.pem"),
  "/key.pem": () => pem("server.key"),
  "/other.key": () => pem("other.key"),
  "/broken.pem": () => "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
  "/broken.key": () => "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n",
  "/empty": () => "",
};

function tlsOf(cert: string, key: string): unknown {
  const env: Environment = {
    VLLM_METRICS_URL: "http://vllm",
    TLS_CERT_FILE: cert,
    TLS_KEY_FILE: key,
  };
  const result = parseConfig(env, (path) => {
    const read = FILES[path];
    if (read === undefined) throw new Deno.errors.NotFound();
    return read();
  });
  if (!result.ok) return result.mistakes;
  const { tls } = result.config;
  return tls && { ...tls, key: tls.key.reveal() };
}

Deno.test("parseConfig() reads the certificate of the listeners, with its paths", () => {
  for (const certFile of ["/cert.pem", "/chain.pem"]) {
    assertEquals(tlsOf(certFile, "/key.pem"), {
      certFile,
      keyFile: "/key.pem",
      cert: FILES[certFile]?.(),
      key: pem("server.key"),
    });
  }
  assertEquals(tlsOf("", " "), undefined);
});

const NO_PAIR = "TLS_KEY_FILE: is not the key of the first certificate in TLS_CERT_FILE.";

Deno.test.each<[what: string, cert: string, key: string, mistake: string]>([
  [
    "a certificate alone",
    "/cert.pem",
    "",
    "TLS_CERT_FILE: is set without TLS_KEY_FILE. Set both or neither.",
  ],
  ["another key", "/cert.pem", "/other.key", NO_PAIR],
  ["a chain in the wrong order", "/reversed.pem", "/key.pem", NO_PAIR],
  [
    "a broken certificate",
    "/broken.pem",
    "/key.pem",
    "TLS_CERT_FILE: holds no certificate that can be read.",
  ],
  [
    "a broken key",
    "/cert.pem",
    "/broken.key",
    "TLS_KEY_FILE: holds no private key that can be read.",
  ],
  [
    "a key in the place of the certificate",
    "/key.pem",
    "/key.pem",
    'TLS_CERT_FILE: cannot use "/key.pem": no certificate is in it. ' +
    'Give a PEM file with "-----BEGIN CERTIFICATE-----".',
  ],
  [
    "a file that is not there",
    "/none",
    "/key.pem",
    'TLS_CERT_FILE: cannot use "/none": there is no such file. Write the path of a file.',
  ],
  ["an empty file", "/cert.pem", "/empty", 'TLS_KEY_FILE: cannot use "/empty": it is empty.'],
])("parseConfig() refuses %s", (_, cert, key, mistake) => {
  assertEquals(tlsOf(cert, key), [mistake]);
});
