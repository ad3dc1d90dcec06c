/** The findings of the last day, recorded as they come and go. */

import type { Finding, Incident } from "./view.ts";
import { worstLevel } from "./levels.ts";

/** How long an incident is remembered, in milliseconds. */
const KEPT_MS = 86_400_000;
/** Incidents kept at most: more in a day are one that comes and goes. */
const MAX_KEPT = 200;
/** A finding that returns within this time is the same one, in milliseconds. */
const PAUSE_MS = 120_000;

/** An incident and the ids of its cause and symptoms. */
interface Recorded {
  readonly ids: Set<string>;
  id: string;
  level: Incident["level"];
  title: string;
  instances: readonly string[];
  readonly fromMs: number;
  /** When it was last found. */
  seenMs: number;
  isOpen: boolean;
}

function idsOf({ id, evidence }: Finding): string[] {
  return [id, ...evidence.map((symptom) => symptom.id)];
}

function overlaps(one: readonly string[], other: readonly string[]): boolean {
  return one.length === 0 || other.length === 0 || one.some((name) => other.includes(name));
}

/** Remembers when findings began and ended. */
export class IncidentLog {
  #all: Recorded[] = [];

  /** Records the findings of a time; times ascend. */
  record(nowMs: number, findings: readonly Finding[]): void {
    const seen = new Set<Recorded>();
    for (const finding of findings) {
      const { id, level, title, scope: { instances } } = finding;
      const ids = idsOf(finding);
      const known = this.#all.find((each) =>
        !seen.has(each) && (each.isOpen || nowMs - each.seenMs <= PAUSE_MS) &&
        ids.some((one) => each.ids.has(one)) && overlaps(each.instances, instances)
      );
      const incident = known ?? {
        ids: new Set<string>(),
        id,
        level,
        title,
        instances,
        fromMs: finding.sinceMs,
        seenMs: nowMs,
        isOpen: true,
      };
      if (known === undefined) this.#all.push(incident);
      seen.add(incident);
      for (const one of ids) incident.ids.add(one);
      // A root cause that is recognized later names the whole incident.
      Object.assign(incident, { id, title, instances, seenMs: nowMs, isOpen: true });
      if (worstLevel([incident.level, level]) === "bad") incident.level = "bad";
    }
    for (const each of this.#all) if (!seen.has(each)) each.isOpen = false;
    this.#all = this.#all.filter(({ seenMs }) => nowMs - seenMs < KEPT_MS).slice(-MAX_KEPT);
  }

  /** When the first of some findings began that go on; undefined when none does. */
  beginOf(ids: readonly string[]): number | undefined {
    const open = this.#all.filter((each) => each.isOpen && ids.some((id) => each.ids.has(id)));
    return open.length === 0 ? undefined : Math.min(...open.map(({ fromMs }) => fromMs));
  }

  /** The incidents of a server, or of all, the newest first. */
  list(instance: string | undefined): Incident[] {
    return this.#all
      .filter(({ instances }) => instance === undefined || overlaps(instances, [instance]))
      .map(({ id, level, title, instances, fromMs, seenMs, isOpen }) => ({
        id,
        level,
        title,
        instances,
        fromMs,
        toMs: isOpen ? null : seenMs,
      }))
      .toSorted((one, other) => other.fromMs - one.fromMs);
  }
}
