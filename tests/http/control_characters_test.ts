import { assertEquals } from "@std/assert";
import { createLogger } from "../../lib/log.ts";
import { startService } from "../fakes.ts";
import { serveHttp } from "../net/fakes.ts";

/** C1 controls, DEL, marks of writing direction, and a line separator. */
const MARKS = "\x85\x9b2J\x7f\u200f\u202e\u2066\u061c\u2028";
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;

Deno.test("a reply and the log show no control or direction mark that vLLM sends", async () => {
  await using vllm = serveHttp(() => new Response(`model${MARKS}name`));
  await using service = startService(vllm.origin);
  for (const path of ["/metrics", "/", "/-/targets"]) {
    const reply = (await (await service.get(path)).text()).replaceAll("\n", "");
    assertEquals(UNSAFE.exec(reply), null, path);
  }
  const line = await service.log.seen("Upstream is down");
  assertEquals(UNSAFE.exec(line), null);
});

Deno.test.each(["text", "json"] as const)("a %s log line escapes them in any field", (format) => {
  const lines: string[] = [];
  const log = createLogger({
    level: "info",
    format,
    write: (line) => lines.push(line.trimEnd()),
    now: () => 0,
  });
  log.warn("Odd", { model: MARKS, whole: `a ${MARKS}` });
  const [line = ""] = lines;
  assertEquals(UNSAFE.exec(line), null);
  if (format === "json") {
    const fields = { time: "1970-01-01T00:00:00.000Z", level: "warn", msg: "Odd" };
    assertEquals(JSON.parse(line), { ...fields, model: MARKS, whole: `a ${MARKS}` });
  }
});
