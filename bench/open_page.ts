/** A live page that is open, as far as the service can tell. */

/**
 * Opens the events of a page, and reads what it is sent.
 *
 * @throws {Error} When the service refuses it.
 */
export async function openPage(url: string): Promise<AsyncDisposable> {
  const response = await fetch(url);
  if (!response.ok || response.body === null) {
    throw new Error(`Cannot open "${url}": status ${response.status}`);
  }
  const reader = response.body.getReader();
  const read = async (): Promise<void> => {
    while (!(await reader.read()).done) { /* A page would draw it. */ }
  };
  const done = read();
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      await reader.cancel();
      await done;
    },
  };
}
