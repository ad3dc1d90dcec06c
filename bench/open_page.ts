/** A live page that is open, as far as the service can tell. */

/**
 * Opens the events of a page, and reads what it is sent.
 *
 * @param url Where the events are.
 * @returns The page; disposing of it closes it.
 */
export function openPage(url: string): AsyncDisposable {
  const abort = new AbortController();
  const read = async (): Promise<void> => {
    try {
      const response = await fetch(url, { signal: abort.signal });
      if (!response.ok) throw new Error(`Cannot open "${url}": status ${response.status}`);
      for await (const _ of response.body ?? []) { /* A page would draw it. */ }
    } catch (error) {
      if (!abort.signal.aborted) throw error;
    }
  };
  const done = read();
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      abort.abort();
      await done;
    },
  };
}
