/** Names engines and servers for people. */

/**
 * Names each label set by its engine, by its server, or by both where there are
 * several servers.
 *
 * @param labelSets Labels `instance`, and `engine` where engines are meant.
 * @returns A name each, such as `engine 1`, `vllm-a` or `vllm-a, engine 1`.
 */
export function neighbourNames(
  labelSets: readonly Readonly<Record<string, string>>[],
): string[] {
  const severalServers = new Set(labelSets.map(({ instance }) => instance)).size > 1;
  return labelSets.map(({ instance = "", engine }) => {
    if (engine === undefined) return instance;
    return severalServers ? `${instance}, engine ${engine}` : `engine ${engine}`;
  });
}

/** Orders names by the numbers in them: `engine 2` before `engine 10`. */
export function compareNumbered(one: string, other: string): number {
  return one.localeCompare(other, "en", { numeric: true });
}
