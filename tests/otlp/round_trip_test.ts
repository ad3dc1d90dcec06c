import { assert, assertEquals } from "@std/assert";
import { decodeMetrics, decodeMetricsJson } from "../../lib/otlp/decode.ts";
import { renamed } from "../fakes.ts";
import { allMetrics, exposed, samplesOf } from "../push/receiver.ts";
import { capture, captureNames, relayed, testdata } from "./relay.ts";

/** The text that Fluent Bit read. */
function expositionOf(name: string): string {
  const series = /^(.*-series)-\d+$/.exec(name)?.[1];
  return Deno.readTextFileSync(
    testdata(series === undefined ? `vllm/${name}.txt` : `vllm/${series}/${name}.txt`),
  );
}

Deno.test.each(captureNames())("the JSON of %s has the samples of vLLM's text", (name) => {
  const { bodies: [body = ""] } = relayed(decodeMetrics(capture(name)));

  const metrics = allMetrics(decodeMetricsJson(new TextEncoder().encode(body)))
    // It came from elsewhere than the text.
    .filter((metric) => metric.name !== "fixture_index");
  const sent = exposed(metrics);

  assert(sent.size > 50, `only ${sent.size} samples`);
  const expected = samplesOf(renamed(expositionOf(name)));
  assertEquals(new Map([...sent].toSorted()), new Map([...expected].toSorted()));
});
