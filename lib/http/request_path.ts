/** The path of a request, whatever its Host field says. */

/**
 * Names, addresses and ports (RFC 3986, section 3.2). The runtime builds the URL from the client's
 * Host field as it is: with `x/health?` in it, the path would not be the requested one.
 */
const HOST = /^[\w.~!$&'()*+,;=%:[\]-]*$/;

/** Reads the path of a request. */
export function requestPath(request: Request): string | undefined {
  // HTTP/2 has no such field; the runtime has checked its counterpart.
  if (!HOST.test(request.headers.get("host") ?? "")) return undefined;
  return URL.parse(request.url)?.pathname;
}
