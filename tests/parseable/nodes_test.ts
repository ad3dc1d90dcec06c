import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ParseableError } from "../../lib/parseable/api.ts";
import { emptyState, type FakeApi, serveApi, serveIngestNode } from "./fake_api.ts";
import { NOW_MS, run, type RunOptions, writes } from "./run.ts";

function serveNodes(): { query: FakeApi; ingest: FakeApi } {
  const state = { ...emptyState(), mode: "Distributed (Query)" as const };
  return { query: serveApi(state), ingest: serveIngestNode(state) };
}

Deno.test("the query node makes the stream and the dashboards, an ingest node stores the first row", async () => {
  const { query, ingest } = serveNodes();
  await using _query = query;
  await using _ingest = ingest;
  const options: RunOptions = { env: { PARSEABLE_QUERY_URL: query.origin } };
  const first = await run(ingest, options);
  assertEquals(first.summary, "6 made.");
  assertEquals(writes(ingest), ["POST /v1/metrics"]);
  assertEquals(writes(query)[0], "PUT /api/v1/logstream/vLLMmetrics");
  const written = writes(query).length;

  // The query node sees no columns for a minute or two.
  const second = await run(ingest, options);
  assertEquals(second.summary, "6 unchanged.");
  assertEquals(
    second.lines[0],
    'unchanged stream "vLLMmetrics": its first row has not reached the query node yet',
  );
  assertEquals([writes(ingest).length, writes(query).length], [1, written]);

  // Nothing came: the run before may have died in between.
  const late = await run(ingest, { ...options, nowMs: NOW_MS + 360_000 });
  assertEquals(late.lines[0], 'updated stream "vLLMmetrics"');

  const stream = query.state.streams.get("vLLMmetrics");
  if (stream !== undefined) stream.columns = ["p_timestamp"];
  assertEquals((await run(ingest, options)).lines[0], 'unchanged stream "vLLMmetrics"');
});

Deno.test("a query node in PARSEABLE_URL is refused with what to set", async () => {
  const { query, ingest } = serveNodes();
  await using _query = query;
  await using _ingest = ingest;
  const error = await assertRejects(() => run(query), ParseableError);
  assertMatch(error.sentence, /it is a query node, which stores no metrics\..*PARSEABLE_QUERY_URL/);
  assertEquals(writes(query), []);
});

Deno.test("an ingest node in PARSEABLE_QUERY_URL, or alone, is refused with what to set", async () => {
  const { query, ingest } = serveNodes();
  await using _query = query;
  await using _ingest = ingest;
  const error = await assertRejects(() => run(ingest), ParseableError);
  assertMatch(error.sentence, /it is an ingest node.*\. Set PARSEABLE_QUERY_URL to the query node/);
  assertEquals(writes(ingest), []);
});
