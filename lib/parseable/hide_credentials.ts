/** Removes from a response the credentials that were sent with the request. */

/** The header fields with credentials. */
const FIELDS = ["authorization", "x-api-key"];
/** Shortest decoded user name and password, and shortest part of a secret, to look for. */
const MIN_LENGTH = 4;

/**
 * Replaces credentials by `[hidden]`, also when they are escaped for HTML, JSON or URLs, and removes
 * a part of them at the end: error pages of proxies repeat the fields of the request, and the
 * response goes into logs and replies.
 */
export function hideCredentials(bytes: Uint8Array, headers: Headers): Uint8Array {
  const secrets = FIELDS.flatMap((field) => formsOf(headers.get(field) ?? ""));
  if (secrets.length === 0) return bytes;
  const text = new TextDecoder().decode(bytes);
  let hidden = text;
  for (const secret of secrets) {
    hidden = hidden.replace(new RegExp(patternOf(secret), "gi"), "[hidden]");
    for (let length = secret.length - 1; length >= MIN_LENGTH; length--) {
      const end = new RegExp(`${patternOf(secret.slice(0, length))}$`, "i");
      if (end.test(hidden)) hidden = hidden.replace(end, "");
    }
  }
  return hidden === text ? bytes : new TextEncoder().encode(hidden);
}

/** The longest forms first: the token, then what Basic encodes. */
function formsOf(value: string): string[] {
  const token = value.slice(value.lastIndexOf(" ") + 1);
  const decoded = /^basic /i.test(value) ? decodedOf(token) : "";
  const password = decoded.slice(decoded.indexOf(":") + 1);
  // Base64 is often shown without its padding.
  const forms = [token, token.replace(/=+$/, ""), decoded, password];
  return forms.filter((form) => form.length >= MIN_LENGTH);
}

function decodedOf(base64: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(base64));
  } catch {
    return ""; // Not Base64: a server cannot decode it either.
  }
}

/** A pattern of a text in which any character but letters and digits may be escaped. */
function patternOf(text: string): string {
  return [...text].map((character) =>
    /[a-z0-9]/i.test(character)
      ? character
      : `(?:\\\\?${RegExp.escape(character)}|&#?\\w{1,8};|%[0-9a-f]{2}|\\\\u[0-9a-f]{4})`
  ).join("");
}
