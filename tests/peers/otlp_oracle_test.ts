import { assertEquals } from "@std/assert";
import { compare, generate } from "./otlp_oracle.ts";
import { capture, captureNames, caseOf, relayed } from "../otlp/relay.ts";
import { decodeMetrics, decodeMetricsJson } from "../otlp/plain.ts";

/** Random requests a run; each seed finds the same ones again. */
const SEEDS = [1, 2, 3];
const REQUESTS_A_SEED = 300;

Deno.test("Google's library reads the JSON of each capture as it reads the binary", async () => {
  const cases = captureNames().map((name) => caseOf(name, capture(name)));

  const verdicts = await compare(cases);

  assertEquals(verdicts, cases.map(({ name }) => ({ name, problems: [] })));
});

Deno.test.each(SEEDS)("random requests arrive point by point (seed %d)", async (seed) => {
  const requests = await generate(seed, REQUESTS_A_SEED);
  const cases = requests.map(({ binary }, index) =>
    caseOf(`${seed}/${index}`, Uint8Array.fromBase64(binary))
  );

  const verdicts = await compare(cases);

  assertEquals(verdicts.length, REQUESTS_A_SEED);
  assertEquals(verdicts.filter(({ problems }) => problems.length > 0), []);
});

Deno.test.each(SEEDS)("random requests are the same in OTLP/JSON (seed %d)", async (seed) => {
  for (const { binary, json } of await generate(seed, REQUESTS_A_SEED)) {
    const fromBinary = decodeMetrics(Uint8Array.fromBase64(binary));
    const fromJson = decodeMetricsJson(new TextEncoder().encode(json));

    assertEquals(fromJson, fromBinary, json);
    assertEquals(relayed(fromJson), relayed(fromBinary));
  }
});
