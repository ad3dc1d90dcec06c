import { assertEquals } from "@std/assert";
import { readCapture, sanitized } from "../exposition/sanitized.ts";
import { capture, relayed } from "../otlp/relay.ts";
import { recordedRequest } from "./answers.ts";
import { fluentBitRequest } from "./fluent_bit_request.ts";
import { streamRows } from "./stream_rows.ts";
import { decodeMetrics } from "../../lib/otlp/decode.ts";
import type { ExportMetricsServiceRequest } from "../../lib/otlp/gen/metrics.ts";

/** Rows with keys in order; times without a fraction of nothing, and no hash but that there is one. */
function comparable(rows: readonly unknown[]): string[] {
  return rows.map((row) => {
    const entries = Object.entries(row ?? {}).map(([key, value]): [string, unknown] => {
      if (key === "__series_hash") return [key, typeof value];
      return [key, typeof value === "string" ? value.replace(/(T[\d:]+)\.0*$/, "$1") : value];
    });
    return JSON.stringify(entries.toSorted(([a], [b]) => a < b ? -1 : 1));
  }).toSorted();
}

Deno.test("rows are those that Parseable made of the same request", () => {
  const { request } = recordedRequest("ingest", "ok-small");
  const { response: rows } = recordedRequest("ingest", "ok-rows");

  const made = streamRows(JSON.stringify(request), Date.parse("2026-11-24T03:59:21.767Z"));

  assertEquals(made.length, 4);
  assertEquals(comparable(made), comparable(Array.isArray(rows) ? rows : []));
});

Deno.test("what is made of a text becomes the rows of what Fluent Bit sent", () => {
  const timeMs = 1_795_493_680_989;
  const rowsOf = (request: ExportMetricsServiceRequest) =>
    relayed(request).bodies.flatMap((body) => streamRows(body, timeMs));
  // The recorded scrape had a gauge more.
  const sent = rowsOf(decodeMetrics(capture("during-load-c40")))
    .filter(({ metric_name: name }) => name !== "fixture_index");

  const made = rowsOf(fluentBitRequest(sanitized(readCapture("during-load-c40.txt")).text, timeMs));

  assertEquals(comparable(made), comparable(sent));
});
