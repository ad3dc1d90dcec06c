/** A finding. */

import { LEVEL_WORDS } from "../levels.ts";
import type { Finding } from "../view.ts";
import { element, type ItemView, setAttribute, setText, show } from "./dom.ts";

/** Shows a finding. */
export class FindingView implements ItemView<Finding> {
  readonly #level = element("span", { class: "level" });
  readonly #title = element("h3");
  readonly #why = element("p", { class: "why" });
  readonly #action = element("span");
  readonly #link = element("a", { target: "_blank", rel: "noreferrer" }, "vLLM’s documentation");
  /** Its element. */
  readonly root: HTMLElement;

  /** Creates the elements. */
  constructor(finding: Finding) {
    this.root = element(
      "li",
      { class: "finding", id: `finding-${finding.id}` },
      this.#level,
      element(
        "div",
        {},
        this.#title,
        this.#why,
        element("p", { class: "action" }, this.#action, " ", this.#link),
      ),
    );
  }

  /** Shows the current finding. */
  update(finding: Finding): void {
    setAttribute(this.root, "data-level", finding.level);
    setText(this.#level, LEVEL_WORDS[finding.level]);
    setText(this.#title, finding.title);
    setText(this.#why, finding.why);
    setText(this.#action, finding.action);
    show(this.#link, finding.link.startsWith("https://"));
    setAttribute(this.#link, "href", finding.link);
  }
}
