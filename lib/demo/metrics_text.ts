/** The text that a simulated server answers on `/metrics`. */

import { engineChildren } from "./engine_children.ts";
import { type Child, Exposition } from "./exposition.ts";
import { PYTHON_FAMILIES } from "./python_families.ts";
import { RUST_FAMILIES } from "./rust_families.ts";
import { serverChildren } from "./server_children.ts";
import type { ServerRun, SimulatedVllm } from "./simulated_vllm.ts";

const PREFIX = "vllm:";

/** Writes the metrics of one server again and again. */
export class MetricsText {
  readonly #server: SimulatedVllm;
  #run: ServerRun | undefined;
  #exposition: Exposition | undefined;

  /**
   * Writes nothing yet.
   *
   * @param server The server whose numbers are written.
   */
  constructor(server: SimulatedVllm) {
    this.#server = server;
  }

  /** What the front end says that the text is. */
  get contentType(): string {
    return this.#server.frontend === "rust"
      ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
      : "text/plain; version=1.0.0; charset=utf-8";
  }

  /** The text with the numbers of now. */
  text(): string {
    const { run } = this.#server;
    // A restart has other engines, and so other numbers to read.
    if (this.#exposition === undefined || run !== this.#run) {
      this.#exposition = this.#plan();
      this.#run = run;
    }
    return this.#exposition.text();
  }

  #plan(): Exposition {
    const server = this.#server;
    const childrenOf = (base: string): Child[] => {
      const children = base.startsWith(PREFIX)
        ? engineChildren(server, base.slice(PREFIX.length))
        : [];
      return children.length > 0 ? children : serverChildren(server, base);
    };
    if (server.frontend === "rust") return Exposition.rust(RUST_FAMILIES, childrenOf);
    return Exposition.python(PYTHON_FAMILIES, childrenOf, server.run.engines.length > 1);
  }
}
