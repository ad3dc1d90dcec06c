/** The words of an error that may be shown. */

/** Longest chain of causes that is read. */
const MAX_CAUSES = 8;

/**
 * Collects the words of an error and of its causes, without what may be secret
 * in them: `fetch` writes the whole URL, query and all, into its messages.
 *
 * @param error What was thrown.
 * @returns Codes and messages on one line, with every address cut out.
 */
export function detailOf(error: unknown): string {
  const words: string[] = [];
  collect(error, words, MAX_CAUSES);
  return words.join(": ")
    .replace(/ ?\bfrom \S+ for \S+(?: \([^)]*\))?| ?\bfor url \(\S+\)/g, "")
    .replace(/\b[a-z][a-z0-9+.-]*:\/\/\S*/gi, "(address)")
    .replace(/[\p{Cc}\s]+/gu, " ")
    .trim();
}

function collect(error: unknown, words: string[], depth: number): void {
  if (!(error instanceof Error) || depth === 0) return;
  // Node's errors say the kind in `code`, with a message that changes between versions.
  if ("code" in error && typeof error.code === "string") words.push(error.code);
  if (error.message !== "" && error.message !== "fetch failed") words.push(error.message);
  if (error instanceof AggregateError) {
    for (const each of error.errors) collect(each, words, depth - 1);
  }
  collect(error.cause, words, depth - 1);
}
