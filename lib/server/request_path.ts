/** Where a request goes, whatever its Host field says. */

/**
 * Names, addresses and ports (RFC 3986, section 3.2). The runtime puts the URL
 * together from the client's Host field as it stands: with `x/health?` in it
 * the path would be another one than the client asked for.
 */
const HOST = /^[\w.~!$&'()*+,;=%:[\]-]*$/;

/**
 * Reads the path of a request.
 *
 * @param request The request.
 * @returns The path, without dot segments; undefined when the Host field is not valid.
 */
export function requestPath(request: Request): string | undefined {
  // HTTP/2 has no such field; what stands for it was checked by the runtime.
  if (!HOST.test(request.headers.get("host") ?? "")) return undefined;
  return URL.parse(request.url)?.pathname;
}
