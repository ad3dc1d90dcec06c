/** The state of the servers in one line, what is wrong now, and what was wrong today. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { LEVEL_WORDS } from "../levels.ts";
import type { Finding, FindingScope, Incident, Level, Status, View } from "../view.ts";
import { clock, pageWidth, receivedMs, stream, zoom } from "./state.ts";
import { formatMoment, formatSince, formatSpan } from "./text.ts";

/** How long a confirmation is shown, in milliseconds. */
const COPIED_MS = 2_000;
/** Servers or engines that are named; of more there is their number. */
const MAX_NAMED = 4;
/** Up to this width symptoms are folded, in pixels. */
const PHONE_WIDTH = 640;
/** What is shown before and after an incident, in seconds. */
const AROUND_SECONDS = 120;

const SIGNS: Readonly<Record<Level, string>> = { good: "●", warn: "▲", bad: "■", none: "○" };

const TRENDS: Readonly<Record<Finding["trend"], string>> = {
  new: "new",
  worse: "↗ getting worse",
  steady: "→ steady",
  better: "↘ getting better",
};

/** The state line: no verdict while the connection is lost. */
export function StatusLine({ shown }: { readonly shown: View }): JSX.Element {
  const isLost = stream.value.state === "lost";
  const status: Status = isLost
    ? { state: "collecting", level: "none", text: "Unknown: no connection", sinceMs: null }
    : shown.status;
  const { text, level, sinceMs } = status;
  const nowMs = shown.isLive
    ? shown.timeMs + Math.max(clock.value, receivedMs.value) - receivedMs.value
    : shown.toMs;
  return (
    <div class="status-line">
      <h2 id="status" class="status" data-level={level} data-state={status.state}>
        <span aria-hidden="true">{SIGNS[level]}</span> {text}
      </h2>
      {sinceMs !== null && <span class="soft">{formatSince(sinceMs, nowMs)}</span>}
      <span class="soft range">
        Numbers and findings: {shown.isLive ? "last" : ""} {formatSpan(shown.rangeSeconds)}
        {!shown.isLive && ` before ${formatMoment(shown.toMs, shown.timeMs)}`}
      </span>
    </div>
  );
}

/** What a finding is about, in words. */
function scopeText({ instances, engines, models }: FindingScope): string {
  const named = (names: readonly string[], noun: string): string =>
    names.length > MAX_NAMED ? `${names.length} ${noun}` : names.join(", ");
  const places = engines.length > 0 ? named(engines, "engines") : named(instances, "servers");
  return [places, ...models].filter((part) => part !== "").join(", ");
}

function Flag({ flag }: { readonly flag: string }): JSX.Element {
  const isCopied = useSignal(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(flag);
    isCopied.value = true;
    setTimeout(() => isCopied.value = false, COPIED_MS);
  };
  // Browsers have no clipboard on plain HTTP; the text can be selected there.
  return (
    <p class="flag">
      <code>{flag}</code>
      {navigator.clipboard !== undefined && (
        <button type="button" onClick={copy} aria-label={`Copy ${flag}`}>
          {isCopied.value ? "Copied" : "Copy"}
        </button>
      )}
    </p>
  );
}

function FindingCard({ finding, nowMs }: {
  readonly finding: Finding;
  readonly nowMs: number;
}): JSX.Element {
  const { id, level, title, why, scope, sinceMs, trend, evidence, action, flag, link } = finding;
  const about = scopeText(scope);
  return (
    <li class="finding" id={`finding-${id}`} data-level={level}>
      <div class="finding-head">
        <span class="level">{LEVEL_WORDS[level]}</span>
        <h3>{title}</h3>
      </div>
      <p class="soft facts">
        {about !== "" && <bdi class="name" title={about}>{about}</bdi>}
        <span class="since">{formatSince(sinceMs, nowMs)}</span>
        <span class="trend" data-trend={trend}>{TRENDS[trend]}</span>
      </p>
      <p class="why">{why}</p>
      {evidence.length > 0 && (
        <details class="evidence" open={pageWidth.value > PHONE_WIDTH}>
          <summary>Symptoms ({evidence.length})</summary>
          <ul>
            {evidence.map((symptom) => (
              <li key={symptom.id}>
                <b>{symptom.title}:</b> {symptom.why}
              </li>
            ))}
          </ul>
        </details>
      )}
      <p class="action">
        {action}{" "}
        {link.startsWith("https://") && (
          <a href={link} target="_blank" rel="noreferrer">vLLM’s documentation</a>
        )}
      </p>
      {flag !== "" && <Flag flag={flag} />}
    </li>
  );
}

/** What is wrong now. */
export function Findings({ shown }: { readonly shown: View }): JSX.Element | null {
  if (shown.findings.length === 0) return null;
  return (
    <section aria-label="Findings">
      <h2 class="unseen">Findings</h2>
      <ul id="findings" class="findings">
        {shown.findings.map((finding) => (
          <FindingCard key={finding.id} finding={finding} nowMs={shown.toMs} />
        ))}
      </ul>
    </section>
  );
}

function IncidentRow({ incident, shown }: {
  readonly incident: Incident;
  readonly shown: View;
}): JSX.Element {
  const { level, title, instances, fromMs, toMs } = incident;
  const endMs = toMs ?? shown.timeMs;
  const show = (): void => zoom(fromMs / 1_000 - AROUND_SECONDS, endMs / 1_000 + AROUND_SECONDS);
  return (
    <tr data-level={level}>
      <td>{formatMoment(fromMs, shown.timeMs)}</td>
      <td>{toMs === null ? "goes on" : formatMoment(toMs, shown.timeMs)}</td>
      <td>{formatSpan((endMs - fromMs) / 1_000)}</td>
      <td class="level">{LEVEL_WORDS[level]}</td>
      <th scope="row">
        <button type="button" class="link" onClick={show}>{title}</button>
      </th>
      <td>
        <bdi>{instances.join(", ")}</bdi>
      </td>
    </tr>
  );
}

/** The findings of the last 24 hours. */
export function Incidents({ shown }: { readonly shown: View }): JSX.Element {
  const heads = ["Begin", "End", "Duration", "Level", "Finding", "Server"];
  return shown.incidents.length === 0
    ? <p class="soft">None in the last 24 hours.</p>
    : (
      <div class="scroll" tabIndex={0} role="region" aria-label="Findings of the last 24 hours">
        <table class="incidents">
          <thead>
            <tr>{heads.map((head) => <th key={head} scope="col">{head}</th>)}</tr>
          </thead>
          <tbody>
            {shown.incidents.map((incident) => (
              <IncidentRow
                key={`${incident.id} ${incident.fromMs}`}
                incident={incident}
                shown={shown}
              />
            ))}
          </tbody>
        </table>
      </div>
    );
}
