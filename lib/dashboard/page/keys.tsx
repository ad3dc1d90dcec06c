/** The keyboard: `?` lists the keys. */

import type { JSX } from "preact";
import {
  choice,
  choose,
  fold,
  folded,
  goBack,
  stepWindow,
  toggleExplanations,
  togglePause,
  view,
} from "./state.ts";

function toggleGroups(): void {
  const all = document.querySelectorAll<HTMLElement>("details.group:not(#group-explorer)");
  fold(folded.value.some((id) => id !== "") ? [] : [...all].map(({ id }) => id));
}

const KEYS: Readonly<Record<string, readonly [words: string, run: () => void]>> = {
  "?": ["Show or hide this list", toggleHelp],
  "p": ["Pause or resume", togglePause],
  "[": ["Shorter window", (): void => stepWindow(-1)],
  "]": ["Longer window", (): void => stepWindow(1)],
  "b": ["Back to what was shown before", goBack],
  "l": ["Live: leave a span of the past", (): void => {
    if (choice.value.from !== "") choose({ from: "", to: "" });
  }],
  "a": ["All servers", (): void => {
    if (choice.value.instance !== "") choose({ instance: "" });
  }],
  "e": ["Show or hide explanations", toggleExplanations],
  "f": ["Fold or unfold all groups", toggleGroups],
};

/** Shows the list of keys, or hides it. */
export function toggleHelp(): void {
  const dialog = document.getElementById("keys");
  if (!(dialog instanceof HTMLDialogElement)) return;
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

/** The list of keys. */
export function KeyList(): JSX.Element {
  return (
    <dialog id="keys" aria-labelledby="keys-title">
      <h2 id="keys-title">Keys</h2>
      <dl>
        {Object.entries(KEYS).map(([key, [words]]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
      <p class="soft">Drag across a chart to zoom. Tab reaches everything.</p>
      <button type="button" onClick={toggleHelp}>Close</button>
    </dialog>
  );
}

/** Listens to the keyboard. */
export function listenToKeys(): void {
  addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof Element &&
      event.target.closest("input, select, textarea") !== null;
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || view.value === undefined) {
      return;
    }
    KEYS[event.key]?.[1]();
  });
}
