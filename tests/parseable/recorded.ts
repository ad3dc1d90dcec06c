/** Requests and answers of a real Parseable 2.9.5 (`tests/testdata/parseable/content.jsonl`). */

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

const FILE = new URL("../testdata/parseable/content.jsonl", import.meta.url);

/** Says whether a value is a JSON object. */
export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads what was recorded.
 *
 * @param file `ingest`, `dashboards` or `alerts`.
 * @param name The case.
 * @returns The bodies of request and answer.
 */
export function recorded(file: string, name: string): { request: unknown; response: unknown } {
  for (const line of Deno.readTextFileSync(FILE).trim().split("\n")) {
    const found: unknown = JSON.parse(line);
    if (!isJson(found) || found["file"] !== file || found["case"] !== name) continue;
    const { request, response } = found;
    if (isJson(request) && isJson(response)) {
      return { request: request["body"], response: response["body"] };
    }
  }
  throw new Error(`Nothing recorded: ${file} ${name}`);
}
