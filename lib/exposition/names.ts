/** Metrics under other names than the sanitizer's: vLLM's own, and those of other versions. */

import type { NamingConfig } from "../config/config.ts";
import { familyTexts } from "./memo.ts";

/**
 * vLLM's old names and the new ones, without `vllm:`. It has renamed the cache's families in 0.9
 * and the token time in 0.11 (its pull request 32661).
 */
export const VLLM_RENAMES: Readonly<Record<string, string>> = Object.fromEntries([
  ["gpu_cache_usage_perc", "kv_cache_usage_perc"],
  ["gpu_prefix_cache_queries_total", "prefix_cache_queries_total"],
  ["gpu_prefix_cache_hits_total", "prefix_cache_hits_total"],
  ["time_per_output_token_seconds", "inter_token_latency_seconds"],
]);

/** The other name of each family that has two. */
const OTHER_NAME = new Map(
  Object.entries(VLLM_RENAMES).flatMap(([old, current]) => [
    [`vllm_${old}`, `vllm_${current}`],
    [`vllm_${current}`, `vllm_${old}`],
  ]),
);

/** Changes a sanitized text that comes in whole lines. */
export interface TextStep {
  /** Takes the next lines and gives what can be handed out. */
  push(text: string): string;
  /** Gives the rest. */
  end(): string;
}

/** Changes a sanitized text family by family. */
abstract class FamilyStep implements TextStep {
  #name = "";
  #text = "";

  push(text: string): string {
    let out = "";
    for (const part of familyTexts(text)) {
      if (part.name !== undefined && part.name !== this.#name) {
        out += this.family(this.#name, this.#text);
        this.#name = part.name;
        this.#text = "";
      }
      this.#text += part.text;
    }
    return out;
  }

  end(): string {
    return this.family(this.#name, this.#text);
  }

  protected abstract family(name: string, text: string): string;
}

/** Adds families under the name that an older or newer vLLM has for them, unless they are there. */
class AliasStep extends FamilyStep {
  readonly #names = new Set<string>();
  readonly #aliases = new Map<string, string>();

  override end(): string {
    const last = super.end();
    const missing = [...this.#aliases].filter(([name]) => !this.#names.has(name));
    return last + missing.map(([, text]) => text).join("");
  }

  protected family(name: string, text: string): string {
    this.#names.add(name);
    const other = OTHER_NAME.get(name);
    if (other === undefined) return text;
    const own = new RegExp(`^((?:# (?:HELP|TYPE) )?)${name}(?=[ {]|_(?:bucket|sum|count)[ {])`);
    const lines = text.split(/(?<=\n)/).filter((line) => own.test(line));
    if (lines.some((line) => !line.startsWith("#"))) {
      this.#aliases.set(other, lines.map((line) => line.replace(own, `$1${other}`)).join(""));
    }
    return text;
  }
}

const VLLM_NAME = /^((?:# (?:HELP|TYPE) )?)vllm_/gm;
const VLLM_LINE = /^(?:# (?:HELP|TYPE) )?vllm_.*\n/gm;

function withColons(text: string): string {
  return text.replace(VLLM_NAME, "$1vllm:");
}

/** Adds vLLM's families under their own names. */
class BothStep extends FamilyStep {
  protected family(_name: string, text: string): string {
    return text + withColons(text.match(VLLM_LINE)?.join("") ?? "");
  }
}

/** Adds the names of older and newer vLLM; undefined when nothing is to be changed. */
export function aliasStep({ hasAliases }: NamingConfig): TextStep | undefined {
  return hasAliases ? new AliasStep() : undefined;
}

/** Gives vLLM's names a colon; undefined when nothing is to be changed. */
export function nameStep(style: NamingConfig["style"]): TextStep | undefined {
  if (style === "both") return new BothStep();
  return style === "colon" ? { push: withColons, end: () => "" } : undefined;
}
