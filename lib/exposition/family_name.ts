/** The name of a family: which samples it tells to be its own, and what it is handed out as. */

import type { Format, MetricType } from "./header.ts";
import { OPENMETRICS_SUFFIX, SUFFIXES, WITH_CREATED } from "./metric_types.ts";
import { sanitizeMetricName } from "./names.ts";

/** A family's name, from the line that begins the family to its last sample. */
export class FamilyName {
  /** As it stood in the family's first line. */
  readonly raw: string;
  /** With what readers take in the place of what they do not; undefined when nothing is left of it. */
  readonly base: string | undefined;

  readonly #format: Format;
  /**
   * Whether samples add to it what OpenMetrics adds, as `x_total_total` below `x_total`; undefined
   * before the first sample.
   */
  #isSuffixed: boolean | undefined;

  /**
   * Begins with no sample known.
   *
   * @param raw The name as it stands in the text, colons included.
   * @param format The format of the text.
   */
  constructor(raw: string, format: Format) {
    this.raw = raw;
    this.base = sanitizeMetricName(raw);
    this.#format = format;
  }

  /**
   * Notes the first sample: all others must be named as it is.
   *
   * @param sampleName The sample's name as it stands in the text.
   */
  settle(sampleName: string): void {
    this.#isSuffixed = this.#restOf(sampleName) !== "";
  }

  /**
   * The name that readers get.
   *
   * @param type The family's type.
   * @returns The name; undefined when nothing is left of it.
   */
  handedOut(type: MetricType): string | undefined {
    const added = this.#addedBy(type);
    if (this.base === undefined || added === undefined) return this.base;
    return this.#isSuffixed ?? !this.base.endsWith(added) ? this.base + added : this.base;
  }

  /**
   * Finds out whether a sample belongs to the family.
   *
   * @param sampleName The sample's name as it stands in the text.
   * @param type The family's type.
   * @returns What it adds to the name that is handed out, or undefined when it is another family's.
   */
  suffixOf(sampleName: string, type: MetricType): string | undefined {
    const rest = this.#restOf(sampleName);
    if (rest === undefined) return undefined;
    const added = this.#addedBy(type);
    if (added !== undefined && (rest === "" || rest === added)) {
      return (this.#isSuffixed ?? rest === added) === (rest === added) ? "" : undefined;
    }
    if (SUFFIXES[type].includes(rest)) return rest;
    if (this.#format === "text") return undefined;
    return rest === "_created" && WITH_CREATED.includes(type) ? rest : undefined;
  }

  #addedBy(type: MetricType): string | undefined {
    return this.#format === "text" ? undefined : OPENMETRICS_SUFFIX[type];
  }

  #restOf(sampleName: string): string | undefined {
    return sampleName.startsWith(this.raw)
      ? sampleName.slice(this.raw.length)
      : this.#renamedRest(sampleName);
  }

  /** vLLM's mounted endpoint writes `vllm_x` below `# TYPE vllm:x` when asked for OpenMetrics. */
  #renamedRest(sampleName: string): string | undefined {
    const name = sanitizeMetricName(sampleName);
    if (name === undefined || this.base === undefined) return undefined;
    return name.startsWith(this.base) ? name.slice(this.base.length) : undefined;
  }
}
