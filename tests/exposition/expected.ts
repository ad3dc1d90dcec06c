/**
 * What the sanitiser has to make of an exposition, told from what the
 * independent reader found in it: renamings, types that 0.0.4 has, the
 * documented repairs, and nothing else.
 */

import type { OracleFamily, OracleFormat, OracleSample } from "./oracle.ts";

const SMALLEST_NORMAL = 2 ** -1022;

/** What types are called that 0.0.4 lacks. */
const TYPES: Record<string, string> = {
  unknown: "untyped",
  info: "gauge",
  stateset: "gauge",
  gaugehistogram: "untyped",
};

function isNumberWord(name: string): boolean {
  return ["inf", "nan"].includes(name.toLowerCase());
}

/** The name that a metric gets, worked out character by character. */
export function renamed(name: string): string {
  let result = "";
  for (let at = 0; at < name.length;) {
    let end = at;
    while (end < name.length && "_:".includes(name[end] ?? "")) end++;
    const run = name.slice(at, end);
    if (run === "") result += name[end++];
    else if (!run.includes(":")) result += run;
    else if (at > 0) result += "_";
    at = end;
  }
  while (result.endsWith("_")) result = result.slice(0, -1);
  return /^[0-9]/.test(result) || isNumberWord(result) ? `_${result}` : result;
}

/** The quoted names of the text format 1.0.0 in plain characters. */
function plain(name: string): string {
  const [first = ""] = name;
  const kept = Array.from(name, (each) => /[a-zA-Z0-9_:]/.test(each) ? each : "_").join("");
  return first >= "0" && first <= "9" ? `_${kept}` : kept;
}

function renamedLabel(name: string): string {
  const result = plain(name).split(":").join("_");
  return isNumberWord(result) ? `_${result}` : result;
}

/** CR and NUL have no escape that all readers know. */
function repaired(text: string): string {
  return text.split("\r\n").join("\n").split("\r").join("\n").split("\0").join("\ufffd");
}

function valueOf(labels: ReadonlyMap<string, string>, name: string): number {
  return Number(labels.get(name)?.replace(/inf$/i, "Infinity"));
}

interface Group {
  readonly parts: OracleSample[];
  sum?: OracleSample;
  count?: OracleSample;
}

/** The label sets of a histogram or summary. */
function groupsOf({ name, type, samples }: OracleFamily): Group[] {
  const part = type === "histogram" ? "le" : "quantile";
  const partName = type === "histogram" ? `${name}_bucket` : name;
  const groups = new Map<string, Group>();
  for (const sample of samples) {
    const isPart = sample.name === partName;
    const labels = [...sample.labels].filter(([label, value]) =>
      value !== "" && !(isPart && label === part)
    ).toSorted();
    const key = JSON.stringify(labels);
    const group: Group = groups.get(key) ?? { parts: [] };
    groups.set(key, group);
    if (isPart) group.parts.push(sample);
    else if (sample.name === `${name}_sum`) group.sum = sample;
    else if (sample.name === `${name}_count`) group.count = sample;
  }
  return [...groups.values()].filter(({ parts, sum, count }) => parts.length > 0 || sum || count);
}

/** Whether Fluent Bit can read a family as the histogram or summary that it is. */
function isRegular(family: OracleFamily): boolean {
  if (family.type === "histogram") {
    return groupsOf(family).every(({ parts }) =>
      parts.some(({ labels }) => Number.isFinite(valueOf(labels, "le")))
    );
  }
  if (family.type !== "summary") return true;
  const groups = groupsOf(family);
  const counted = groups.every(({ sum, count }) => sum && count && count.value >= 0);
  if (!counted || groups.length < 2) return counted;
  // Labels go by position, empty ones as well.
  const names = groups.map(({ count }) => [...count?.labels.keys() ?? []].toSorted().join());
  return groups.every(({ parts }) => parts.length === 0) && new Set(names).size === 1;
}

/** OpenMetrics need not tell sum and count of a histogram; readers of the text need them. */
function missingParts(family: OracleFamily): OracleSample[] {
  if (family.type !== "histogram") return [];
  return groupsOf(family).flatMap(({ parts, sum, count }) => {
    const last = parts.find(({ labels }) => valueOf(labels, "le") === Infinity);
    const source = count ?? last;
    if (source === undefined) return [];
    const labels = new Map([...source.labels].filter(([name]) => name !== "le"));
    const { value, timestamp } = source;
    const base = { labels, value, ...timestamp === undefined ? {} : { timestamp } };
    return [
      ...count === undefined ? [{ ...base, name: `${family.name}_count` }] : [],
      ...sum === undefined ? [{ ...base, name: `${family.name}_sum`, value: NaN }] : [],
    ];
  });
}

function mended(sample: OracleSample, name: string): OracleSample {
  const labels = [...sample.labels].map(([label, text]) =>
    [renamedLabel(label), repaired(text)] as const
  );
  const isTiny = sample.value !== 0 && Math.abs(sample.value) < SMALLEST_NORMAL;
  return { ...sample, name, labels: new Map(labels), value: isTiny ? 0 : sample.value };
}

/** The families that one family becomes. */
function familiesOf(family: OracleFamily, format: OracleFormat): OracleFamily[] {
  const base = renamed(plain(family.name));
  const wanted = format !== "openmetrics"
    ? ""
    : family.type === "counter"
    ? "_total"
    : family.type === "info"
    ? "_info"
    : "";
  const name = base.endsWith(wanted) ? base : base + wanted;
  const type = isRegular(family) ? TYPES[family.type ?? ""] ?? family.type : "untyped";
  const help = family.help === undefined ? undefined : repaired(family.help);
  const header = {
    ...type === undefined ? {} : { type },
    ...help === undefined ? {} : { help },
  };
  const families = new Map<string, OracleFamily>([[name, { ...header, name, samples: [] }]]);
  for (const sample of [...family.samples, ...missingParts(family)]) {
    const suffix = plain(sample.name).slice(plain(family.name).length);
    const sampleName = suffix === wanted ? name : base + suffix;
    const isApart = suffix === "_created" || type === "untyped";
    const owner = isApart && sampleName !== name ? sampleName : name;
    const created = { type: "gauge", ...help === undefined ? {} : { help } };
    const target = families.get(owner) ??
      { name: owner, samples: [], ...suffix === "_created" ? created : {} };
    families.set(owner, target);
    target.samples.push(mended(sample, sampleName));
  }
  return [...families.values()];
}

/**
 * Tells what is to be read from the output.
 *
 * @param families What was read from the input.
 * @param format The format of the input.
 * @returns The families of the output.
 */
export function expectedFamilies(
  families: readonly OracleFamily[],
  format: OracleFormat,
): OracleFamily[] {
  return families.flatMap((family) => familiesOf(family, format));
}
