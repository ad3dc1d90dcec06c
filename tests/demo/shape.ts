/** What an exposition looks like without its values. */

/** A family without values. */
export interface FamilyShape {
  /** As its HELP and TYPE lines have it. */
  readonly name: string;
  /** As its TYPE line has it. */
  readonly type: string;
  /** As its HELP line has it. */
  readonly help: string;
  /** Its samples' names and labels in their order, each once. */
  readonly samples: readonly string[];
}

/** Labels whose values are the machine's or the traffic's. */
const MACHINE = /^(?:vllm:cache_config_info|python_info)\{/;
const TRAFFIC = /(handler|method|status)="[^"]*"/g;

/** A sample without what may differ. */
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
