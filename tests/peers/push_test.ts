import { assertEquals } from "@std/assert";
import { serveReceiver, startPush } from "../push/receiver.ts";
import { seriesOf, serveCapture } from "../fakes.ts";
import { python } from "./python.ts";

/** The samples of an exposition, written as `otlp_read.py` writes them. */
function expected(text: string): [string, number][] {
  return Array.from(seriesOf(text), ([series, value]): [string, number] => {
    const [, name = series, inner = ""] = /^([^{]*)\{(.*)\}$/.exec(series) ?? [];
    const labels = [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [
      key,
      // Python writes 1.0 for a bound that is a whole number.
      (key === "le" && value !== "+Inf") || key === "quantile" ? `${Number(value)}` : value,
    ]);
    const sorted = labels.toSorted(([one = ""], [other = ""]) => one < other ? -1 : 1);
    return [name + JSON.stringify(sorted), value];
  });
}

/** The lines of `otlp_read.py`, with bounds as JavaScript writes them. */
function read(line: string): [string, number][] {
  const rows: [string, number][] = JSON.parse(line);
  return rows.map(([series, value]) => [
    series.replaceAll('", "', '","').replaceAll("], [", "],[").replace(
      /(\["(?:le|quantile)",")([\d.e+-]+)"/g,
      (_, start, number) => `${start}${Number(number)}"`,
    ),
    value,
  ]);
}

Deno.test("Google's library reads every pushed sample of /metrics, in both encodings", async () => {
  for (const name of ["during-load-c40", "rust33-during-load", "dp2-during-load"]) {
    await using vllm = serveCapture(name);
    const bodies: string[] = [];
    let text = "";
    for (const protocol of ["http/protobuf", "http/json"]) {
      await using receiver = serveReceiver();
      await using service = startPush({
        VLLM_METRICS_URL: vllm.origin,
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_METRIC_EXPORT_INTERVAL: "3600000",
        BACKEND_COMPLETE: "true",
      });
      const { headers, bytes } = await receiver.first();
      const type = headers.get("content-type");
      bodies.push(JSON.stringify({ type, body: bytes.toBase64() }));
      text = await service.get("/metrics");
    }

    const lines = (await python("otlp_read.py", `${bodies.join("\n")}\n`)).trim().split("\n");

    const wanted = new Map(expected(text));
    assertEquals(lines.length, 2);
    for (const line of lines) {
      assertEquals(new Map([...read(line)].toSorted()), new Map([...wanted].toSorted()), name);
    }
  }
});
