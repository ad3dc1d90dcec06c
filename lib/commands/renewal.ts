/** Picks up renewed certificates: the files are read anew again and again. */

import { readServingTlsAgain, type ServingTls } from "../config/serving_tls.ts";
import type { Logger } from "../log.ts";
import type { Door } from "./door.ts";

/**
 * Time between two looks at the files, in milliseconds. They are read and not
 * watched, since certbot and Kubernetes change links and not the files behind.
 */
const LOOK_MS = 5_000;

/** What {@linkcode Renewal} works with. */
export interface RenewalOptions {
  /** The certificate in use, and where its files are. */
  readonly tls: ServingTls;
  /** Who shows it. */
  readonly doors: readonly Door[];
  /** Gives the text of a file. */
  readonly readFile: (path: string) => string;
  /** Is told of each renewal, and once of files that cannot be used. */
  readonly log: Logger;
}

/** Shows renewed certificates until it is disposed of. */
export class Renewal implements Disposable {
  readonly #options: RenewalOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  #tls: ServingTls;
  #problem = "";

  /**
   * Begins to look.
   *
   * @param options The certificate, its files and its users.
   */
  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#tls = options.tls;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
  }

  /** Reads the files, and shows what they hold if that is new and can be used. */
  look(): void {
    const { doors, readFile, log } = this.#options;
    const read = readServingTlsAgain(this.#tls, readFile);
    if (!read.ok) return this.#complain(read.problem);
    const { tls } = read;
    if (tls.cert === this.#tls.cert && tls.key.reveal() === this.#tls.key.reveal()) {
      this.#problem = "";
      return;
    }
    try {
      for (const door of doors) door.renew(tls);
    } catch (error) {
      return this.#complain(error instanceof Error ? error.message : String(error));
    }
    this.#tls = tls;
    this.#problem = "";
    log.info("The certificate was renewed", { file: tls.certFile });
  }

  /** Looks no more. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #complain(problem: string): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#options.log.warn("Cannot renew the certificate; the one before stays", {
      error: problem,
    });
  }
}
