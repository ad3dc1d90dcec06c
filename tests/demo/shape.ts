/** Expositions without their values. */

/** A family without values. */
export interface FamilyShape {
  /** From its HELP and TYPE lines. */
  readonly name: string;
  /** From its TYPE line. */
  readonly type: string;
  /** From its HELP line. */
  readonly help: string;
  /** Names and labels of its samples, in order, each once. */
  readonly samples: readonly string[];
}

/** Labels whose values depend on the machine or the traffic. */
const MACHINE = /^(?:vllm:cache_config_info|python_info)\{/;
const TRAFFIC = /(handler|method|status)="[^"]*"/g;

/** A sample without what may differ between captures. */
function sampleShape(line: string): string {
  const sample = line.slice(0, line.lastIndexOf(" "));
  const masked = sample.replace(TRAFFIC, '$1=""');
  return MACHINE.test(sample) ? masked.replace(/="[^"]*"/g, '=""') : masked;
}

/** Reads an exposition whose families each begin with HELP and TYPE. */
export function shapeOf(text: string): FamilyShape[] {
  const families: { name: string; type: string; help: string; samples: Set<string> }[] = [];
  for (const line of text.split("\n")) {
    const [, word, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    const last = families.at(-1);
    if (word === "HELP") families.push({ name, type: "", help: rest, samples: new Set() });
    else if (word === "TYPE" && last?.name === name) last.type = rest;
    else if (line !== "" && line !== "# EOF") last?.samples.add(sampleShape(line));
  }
  return families.map((family) => ({ ...family, samples: [...family.samples] }));
}
