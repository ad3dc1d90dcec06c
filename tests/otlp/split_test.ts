import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { gauge, labelled, requestWith } from "./messages.ts";
import { capture } from "./relay.ts";
import {
  countPoints,
  decodeMetrics,
  decodeMetricsJson,
  encodeMetrics,
  type MetricsRequest,
} from "./plain.ts";

/** All points with what is around them, in order. */
function pointsOf(bodies: Uint8Array[]): unknown[] {
  return bodies.map((body) => decodeMetricsJson(body)).flatMap(({ resourceMetrics }) =>
    resourceMetrics.flatMap(({ scopeMetrics, ...resource }) =>
      scopeMetrics.flatMap(({ metrics, ...scope }) =>
        metrics.flatMap(({ data, ...metric }) => {
          const { points = [], ...kind } = data ?? {};
          return points.map((point) => ({ ...resource, ...scope, ...metric, ...kind, ...point }));
        })
      )
    )
  );
}

function encode(request: MetricsRequest, maxBytes: number): [Uint8Array[], number] {
  const counts = countPoints(request);
  const bodies = encodeMetrics(request, counts, { maxBytes });
  return [bodies, counts.droppedByReason.point_too_large ?? 0];
}

Deno.test("encodeMetrics() cuts between points and loses none", () => {
  // Twice the same, so that resources, scopes and metrics change within bodies too.
  const { resourceMetrics } = decodeMetrics(capture("nostats-after-load"));
  const request = {
    resourceMetrics: [...resourceMetrics, ...resourceMetrics.map((it) => ({ ...it }))],
  };
  const [whole] = encode(request, Infinity);
  const all = pointsOf(whole);

  fc.assert(fc.property(fc.integer({ min: 1_000, max: 30_000 }), (maxBytes) => {
    const [bodies, tooLarge] = encode(request, maxBytes);

    assertEquals(tooLarge, 0);
    assert(bodies.every((body) => body.length <= maxBytes));
    assertEquals(pointsOf(bodies), all);
  }));
});

Deno.test("encodeMetrics() fills bodies to the last byte", () => {
  const request = requestWith(gauge({ value: 1, attributes: labelled("ü€😀") }, { value: 2 }));
  const [[whole = new Uint8Array()]] = encode(request, Infinity);

  assertEquals(encode(request, whole.length)[0].length, 1);
  assertEquals(encode(request, whole.length - 1)[0].length, 2);
});

Deno.test("encodeMetrics() counts a point that fits no body, and sends the others", () => {
  const request = requestWith(
    gauge({ value: 1 }, { value: 2, attributes: labelled("x".repeat(500)) }, { value: 3 }),
  );
  const [bodies, tooLarge] = encode(request, 300);

  assertEquals(tooLarge, 1);
  assertEquals(pointsOf(bodies).map((point) => (point as { value: number }).value), [1, 3]);
  assertEquals(encode(request, 20), [[], 3]);
});

Deno.test("encodeMetrics() makes no body of no points", () => {
  assertEquals(encode({ resourceMetrics: [] }, Infinity), [[], 0]);
  assertEquals(encode(requestWith(gauge()), Infinity), [[], 0]);
});

Deno.test("encodeMetrics() keeps 10 MiB a body by itself, of a request many times as large", () => {
  const attributes = labelled("é".repeat(1_000));
  const request = requestWith(gauge(...Array.from({ length: 15_000 }, (_, value) => ({
    value,
    attributes,
  }))));
  const bodies = encodeMetrics(request, countPoints(request));

  assert(bodies.length > 1);
  assert(bodies.every((body) => body.length <= 10 * 1024 * 1024));
  assert(bodies.slice(0, -1).every((body) => body.length > 10 * 1024 * 1024 - 4_096));
  assertEquals(pointsOf(bodies).length, 15_000);
});
