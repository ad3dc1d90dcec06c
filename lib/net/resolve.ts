/** All addresses of a host name. */

/** Looks a host name up; throws what the resolver throws. */
export type Resolve = (hostname: string, signal: AbortSignal) => Promise<readonly string[]>;

/** Longest wait for the name servers, in milliseconds. */
const TIMEOUT_MS = 10_000;

async function records(
  hostname: string,
  type: "A" | "AAAA",
  signal: AbortSignal,
): Promise<string[]> {
  try {
    return await Deno.resolveDns(hostname, type, { signal });
  } catch (error) {
    // Most names have addresses of one kind only.
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/**
 * Looks up the IPv4 and IPv6 addresses of a host name, by `/etc/hosts` and the servers and search
 * domains of `/etc/resolv.conf`. The C library's lookup (`node:dns`) does the same, but cannot be
 * aborted and costs some 7 MB of memory.
 *
 * @throws {Error} When the name servers do not answer.
 */
export async function resolveHost(hostname: string, signal: AbortSignal): Promise<string[]> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const found = await Promise.all([
    records(hostname, "A", either),
    records(hostname, "AAAA", either),
  ]);
  return [...new Set(found.flat())].toSorted();
}
