/** OpenSSL's command: certificates of an authority of its own, and what servers agree to. */

const decoder = new TextDecoder();

/** What a command wrote, and whether it went well. */
interface Output {
  readonly success: boolean;
  readonly text: string;
}

/** Runs `openssl`. */
async function openssl(args: readonly string[]): Promise<Output> {
  try {
    const command = new Deno.Command("openssl", { args: [...args], stdin: "null" });
    const { success, stdout, stderr } = await command.output();
    return { success, text: decoder.decode(stdout) + decoder.decode(stderr) };
  } catch (error) {
    throw new Error("Cannot run openssl: install Debian's package openssl", { cause: error });
  }
}

async function make(args: readonly string[]): Promise<void> {
  const { success, text } = await openssl(args);
  if (!success) throw new Error(`openssl ${args.join(" ")}: ${text}`);
}

/** An authority in a folder, as `ca.pem`. */
export class Authority {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes an authority. */
  static async create(folder: string): Promise<Authority> {
    const [key, cert] = [`${folder}/ca.key`, `${folder}/ca.pem`];
    const name = ["-subj", "/CN=test authority", "-days", "2"];
    await make(["req", "-x509", ...KEY, "-keyout", key, "-out", cert, ...name]);
    return new Authority(folder);
  }

  /** Makes a certificate for `localhost` with a key of its own, and puts both in their places. */
  async issue(serial: number): Promise<void> {
    const at = (name: string): string => `${this.#folder}/${name}`;
    const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    await make(["req", "-new", ...KEY, "-keyout", at("new.key"), "-out", at("new.csr"), ...names]);
    const ca = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-set_serial", String(serial)];
    const out = ["-in", at("new.csr"), "-out", at("new.pem"), "-days", "1", "-copy_extensions"];
    await make(["x509", "-req", ...ca, ...out, "copyall"]);
    await Deno.rename(at("new.pem"), at("cert.pem"));
    await Deno.rename(at("new.key"), at("key.pem"));
  }
}

/** A new key without a passphrase. */
const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** What a server and a client of certain options agree to. */
export interface Session {
  /** The protocol, such as `TLSv1.3`; undefined when they cannot agree. */
  readonly protocol: string | undefined;
  /** The cipher suite. */
  readonly cipher: string | undefined;
  /** The number of the server's certificate, in decimal. */
  readonly serial: number | undefined;
}

/** Makes a connection, and says how it came out. */
export async function connect(port: string, options: readonly string[]): Promise<Session> {
  const target = ["-connect", `127.0.0.1:${port}`, "-servername", "localhost"];
  const { success, text } = await openssl(["s_client", ...target, ...options]);
  const [, protocol, cipher] = /^New, (\S+), Cipher is (\S+)$/m.exec(text) ?? [];
  const session = success && cipher !== undefined && cipher !== "(NONE)";
  const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(text)?.[0];
  return {
    protocol: session ? protocol : undefined,
    cipher: session ? cipher : undefined,
    serial: certificate === undefined ? undefined : await serialOf(certificate),
  };
}

async function serialOf(certificate: string): Promise<number> {
  const { X509Certificate } = await import("node:crypto");
  return parseInt(new X509Certificate(certificate).serialNumber, 16);
}

/** The cipher suites of TLS 1.2 and before that this OpenSSL knows, weak ones too. */
export async function oldCiphers(): Promise<readonly string[]> {
  const { text } = await openssl(["ciphers", "-tls1_2", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]);
  return text.trim().split(":");
}
