/** Reloads renewed certificates: the files are read again regularly. */

import { readServingTlsAgain, type ServingTls } from "../config/serving_tls.ts";
import type { Logger } from "../log.ts";
import type { ReloadableListener } from "./listener.ts";

/**
 * Time between two reads of the files, in milliseconds. They are read and not watched, since
 * certbot and Kubernetes replace links and not the files behind them.
 */
const READ_MS = 5_000;

/** What a {@linkcode CertificateReloader} needs. */
export interface CertificateReloaderOptions {
  /** The certificate in use, and the paths of its files. */
  readonly tls: ServingTls;
  /** The listeners that use it. */
  readonly listeners: readonly ReloadableListener[];
  /** Reads a file. */
  readonly readFile: (path: string) => string;
  /** Logs each renewal, and once that files cannot be used. */
  readonly log: Logger;
}

/** Reloads renewed certificates until it is disposed of. */
export class CertificateReloader implements Disposable {
  readonly #options: CertificateReloaderOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  #tls: ServingTls;
  #problem = "";

  /**
   * Starts to read.
   *
   * @param options The certificate, its files and its listeners.
   */
  constructor(options: CertificateReloaderOptions) {
    this.#options = options;
    this.#tls = options.tls;
    this.#timer = setInterval(() => this.reload(), READ_MS);
  }

  /** Reads the files, and uses them if they have changed and are valid. */
  reload(): void {
    const { listeners, readFile, log } = this.#options;
    const read = readServingTlsAgain(this.#tls, readFile);
    if (!read.ok) return this.#warn(read.problem);
    const { tls } = read;
    if (tls.cert === this.#tls.cert && tls.key.reveal() === this.#tls.key.reveal()) {
      this.#problem = "";
      return;
    }
    try {
      for (const listener of listeners) listener.reload(tls);
    } catch (error) {
      return this.#warn(error instanceof Error ? error.message : String(error));
    }
    this.#tls = tls;
    this.#problem = "";
    log.info("The certificate was renewed", { file: tls.certFile });
  }

  /** Stops reading. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #warn(problem: string): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#options.log.warn("Cannot renew the certificate; the one before stays", {
      error: problem,
    });
  }
}
