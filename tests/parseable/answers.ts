/** Requests and responses of a real Parseable 2.9.5, as they were recorded. */

import { type JsonObject, objectOf, textOf } from "../../lib/parseable/json.ts";

/** A recorded answer. */
export interface Recorded {
  /** The HTTP status. */
  readonly status: number;
  /** The body: a JSON value, or a text. */
  readonly body: unknown;
}

const FILE = new URL("../testdata/parseable/answers.jsonl", import.meta.url);

const ANSWERS: ReadonlyMap<string, Recorded> = new Map(
  Deno.readTextFileSync(FILE).trim().split("\n").map((line) => {
    const { case: name, status, body } = objectOf(JSON.parse(line));
    return [textOf(name), { status: Number(status), body }];
  }),
);

/** Gives what was recorded under a name. */
export function recorded(name: string): Recorded {
  const found = ANSWERS.get(name);
  if (found === undefined) throw new Error(`No answer was recorded for "${name}"`);
  return found;
}

/** Answers what was recorded; an object can have other values in fields that it has. */
export function answer(name: string, changes: JsonObject = {}): Response {
  const { status, body } = recorded(name);
  if (typeof body === "string") return new Response(body, { status });
  const value = Object.keys(changes).length === 0 ? body : { ...objectOf(body), ...changes };
  return Response.json(value, { status });
}

/** A recorded request that created something: `dashboards`, `alerts` or `ingest`, and the case. */
export function recordedRequest(
  file: string,
  name: string,
): { request: unknown; response: unknown } {
  const url = new URL("../testdata/parseable/content.jsonl", import.meta.url);
  for (const line of Deno.readTextFileSync(url).trim().split("\n")) {
    const found = objectOf(JSON.parse(line));
    if (found["file"] !== file || found["case"] !== name) continue;
    return {
      request: objectOf(found["request"])["body"],
      response: objectOf(found["response"])["body"],
    };
  }
  throw new Error(`Nothing recorded: ${file} ${name}`);
}
