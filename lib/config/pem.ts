/** Checks PEM files: certificates and private keys. */

import { accept, type Parsed, refuse } from "./parsed.ts";
import { Secret } from "./secret.ts";

/** Checks that a text is a PEM file with certificates. */
export function parseCertificates(text: string): Parsed<string> {
  if (/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.test(text)) return accept(text);
  return refuse(`no certificate is in it. Give a PEM file with "-----BEGIN CERTIFICATE-----".`);
}

/** Checks that a text is a PEM file with a private key that needs no passphrase. */
export function parsePrivateKey(text: string): Parsed<Secret> {
  if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(text)) {
    return refuse("its key has a passphrase. Give a PEM file with a key that has none.");
  }
  if (/-----BEGIN (?:RSA |EC )?PRIVATE KEY-----[^-]+-----END/.test(text)) {
    return accept(new Secret(text));
  }
  return refuse(`no private key is in it. Give a PEM file with "-----BEGIN PRIVATE KEY-----".`);
}
