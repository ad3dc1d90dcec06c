/** What somebody wants to see, read from a URL. */

import { MetricsError } from "../errors.ts";
import type { Selection } from "../history/history.ts";
import { nearest } from "../nearest.ts";
import { DEFAULT_WINDOW_SECONDS } from "./time_frame.ts";
import type { ViewRequest } from "./view_builder.ts";

/** The parameters that there are. */
const NAMES = ["window", "model", "engine", "instance"];
/** Longest value of a parameter, in characters: no name of a model is longer than a path. */
const MAX_LENGTH = 4_096;

/**
 * Reads the parameters of a request. A model, engine or server that is not there is no mistake:
 * it may come.
 *
 * @param parameters The query of the URL; an empty value counts as none.
 * @param windows Windows that can be chosen, in seconds.
 * @returns What is wanted.
 * @throws {MetricsError} `REQUEST_INVALID` for an unknown or repeated parameter, and for a window
 * that cannot be chosen.
 */
export function parseViewRequest(
  parameters: URLSearchParams,
  windows: readonly number[],
): ViewRequest {
  for (const name of parameters.keys()) checkParameter(name, parameters.getAll(name));
  const valueOf = (name: string): string | undefined => parameters.get(name) || undefined;
  const [instance, model, engine] = ["instance", "model", "engine"].map(valueOf);
  const selection: Selection = {
    ...instance === undefined ? {} : { instance },
    ...model === undefined ? {} : { model },
    ...engine === undefined ? {} : { engine },
  };
  return { selection, windowSeconds: windowOf(valueOf("window"), windows) };
}

function checkParameter(name: string, values: readonly string[]): void {
  if (!NAMES.includes(name)) {
    const meant = nearest(name, NAMES);
    throw refusal(`there is no parameter "${name.slice(0, MAX_LENGTH)}"`, {
      hint: meant === undefined ? `There are ${NAMES.join(", ")}.` : `Did you mean "${meant}"?`,
    });
  }
  if (values.length > 1) {
    throw refusal(`the parameter "${name}" is there ${values.length} times`, {
      hint: "Give it once, or leave it out for all.",
    });
  }
  if ((values[0] ?? "").length > MAX_LENGTH) {
    throw refusal(`the parameter "${name}" is longer than ${MAX_LENGTH} characters`, {
      hint: "Give a name as it stands in the view.",
    });
  }
}

function windowOf(text: string | undefined, windows: readonly number[]): number {
  if (text === undefined) return DEFAULT_WINDOW_SECONDS;
  const seconds = windows.find((window) => String(window) === text);
  if (seconds !== undefined) return seconds;
  throw refusal(`the window "${text}" cannot be chosen`, {
    hint: `Windows are in seconds: ${windows.join(", ")}.`,
  });
}

function refusal(problem: string, options: { readonly hint: string }): MetricsError {
  return new MetricsError("REQUEST_INVALID", `Cannot make a view: ${problem}`, options);
}
