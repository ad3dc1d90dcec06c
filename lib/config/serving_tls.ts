/** The certificate of the listeners, read from `TLS_CERT_FILE` and `TLS_KEY_FILE`. */

import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Secret } from "./secret.ts";
import { SettingReader } from "./setting_reader.ts";

/** A certificate with its key, and where both come from. */
export interface ServingTls {
  /** The path of the certificate. */
  readonly certFile: string;
  /** The path of the key. */
  readonly keyFile: string;
  /** PEM text of the certificate and the authorities between. */
  readonly cert: string;
  /** PEM text of the private key. */
  readonly key: Secret;
}

/** A text and the path of its file. */
interface FileText<T> {
  readonly path: string;
  readonly text: T;
}

/** What is wrong with a pair, as the setting and a sentence; undefined when they belong together. */
function pairProblem(
  cert: FileText<string>,
  key: FileText<Secret>,
): ["TLS_CERT_FILE" | "TLS_KEY_FILE", string] | undefined {
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(cert.text);
  } catch {
    return ["TLS_CERT_FILE", "holds no certificate that can be read."];
  }
  try {
    if (leaf.checkPrivateKey(createPrivateKey(key.text.reveal()))) return undefined;
    return ["TLS_KEY_FILE", "is not the key of the first certificate in TLS_CERT_FILE."];
  } catch {
    return ["TLS_KEY_FILE", "holds no private key that can be read."];
  }
}

/** Reads the certificate and its key. */
export function readServingTls(reader: SettingReader): ServingTls | undefined {
  const cert = reader.get("TLS_CERT_FILE");
  const key = reader.get("TLS_KEY_FILE");
  reader.together("TLS_CERT_FILE", "TLS_KEY_FILE");
  if (cert === undefined || key === undefined) return undefined;
  const problem = pairProblem(cert, key);
  if (problem !== undefined) {
    reader.refuse(...problem);
    return undefined;
  }
  return Object.freeze({
    certFile: cert.path,
    keyFile: key.path,
    cert: cert.text,
    key: key.text,
  });
}

/** A pair that was read again, or what is wrong with its files. */
export type ReadAgain =
  | { readonly ok: true; readonly tls: ServingTls }
  | { readonly ok: false; readonly problem: string };

/** Reads the files of a pair again. */
export function readServingTlsAgain(
  { certFile, keyFile }: ServingTls,
  readFile: (path: string) => string,
): ReadAgain {
  const reader = new SettingReader({ TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile }, readFile);
  const tls = readServingTls(reader);
  return tls === undefined ? { ok: false, problem: reader.mistakes.join(" ") } : { ok: true, tls };
}
