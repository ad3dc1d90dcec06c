/** What a variant did to an exposition beyond renaming, told by a plain reader of its own. */

/** How an answer differs from the origin's body. */
export interface Damage {
  /** Lines too many (positive) or lost (negative). */
  lines: number;
  /** Names in samples, TYPE and HELP that still hold a colon. */
  colonNames: number;
  /** Lines whose name is not the origin's with `:` as `_`. */
  wrongNames: number;
  /** Label sets, or values, that differ. */
  labels: number;
  /** Help texts that differ. */
  help: number;
}

/** A line as what comes before the name, the name, and what comes after it. */
interface Parts {
  kind: "help" | "type" | "sample" | "other";
  name: string;
  rest: string;
}

const LINE = /^(# HELP |# TYPE )?([a-zA-Z_:][a-zA-Z0-9_:]*)(.*)$/;

function partsOf(line: string): Parts {
  const match = LINE.exec(line);
  if (match === null) return { kind: "other", name: "", rest: line };
  const [, comment, name = "", rest = ""] = match;
  const kind = comment === "# HELP " ? "help" : comment === "# TYPE " ? "type" : "sample";
  return { kind, name, rest };
}

/** Compares an answer with what the origin sent, line by line. */
export function findDamage(origin: string, answer: string): Damage {
  const wanted = origin.split("\n");
  const got = answer.split("\n");
  const damage: Damage = {
    lines: got.length - wanted.length,
    colonNames: 0,
    wrongNames: 0,
    labels: 0,
    help: 0,
  };
  for (const [index, line] of wanted.entries()) {
    const before = partsOf(line);
    const after = partsOf(got[index] ?? "");
    if (after.name.includes(":")) damage.colonNames++;
    if (after.name !== before.name.replaceAll(":", "_")) damage.wrongNames++;
    if (after.rest === before.rest) continue;
    if (before.kind === "help") damage.help++;
    else damage.labels++;
  }
  return damage;
}

/** Says what {@linkcode findDamage} found. */
export function describeDamage(damage: Damage): string {
  const words: string[] = [];
  if (damage.lines !== 0) words.push(`${damage.lines} lines`);
  if (damage.colonNames > 0) words.push(`${damage.colonNames} names keep the colon`);
  else if (damage.wrongNames > 0) words.push(`${damage.wrongNames} names wrong`);
  if (damage.labels > 0) words.push(`${damage.labels} label sets damaged`);
  if (damage.help > 0) words.push(`${damage.help} help texts damaged`);
  return words.length === 0 ? "intact" : words.join(", ");
}
