import { assertEquals } from "@std/assert";
import { LogWriter } from "../../lib/log.ts";

Deno.test("LogWriter drops and counts what does not fit, and says so when lines are read again", async () => {
  const decoder = new TextDecoder();
  const { promise: reading, resolve: read } = Promise.withResolvers<void>();
  let text = "";
  const resumed: number[] = [];
  const writer = new LogWriter(
    async (bytes) => {
      await reading;
      text += decoder.decode(bytes.subarray(0, 2));
      return Math.min(2, bytes.length);
    },
    (lines) => resumed.push(lines),
    12,
  );
  for (const line of ["one\n", "two\n", "six\n", "ten\n", "two\n"]) writer.write(line);
  assertEquals(writer.dropped, 2);
  await writer.flush(1);
  assertEquals(text, "", "nobody has read");
  read();
  await writer.flush(20_000);
  assertEquals([text, resumed, writer.dropped], ["one\ntwo\nsix\n", [2], 2]);
  writer.write("end\n");
  await writer.flush(20_000);
  assertEquals(text, "one\ntwo\nsix\nend\n");
});

Deno.test("LogWriter gives up on a pipe that was closed", async () => {
  let writes = 0;
  const writer = new LogWriter(() => {
    writes++;
    return Promise.reject(new Deno.errors.BrokenPipe());
  }, () => {});
  writer.write("one\n");
  writer.write("two\n");
  await writer.flush(20_000);
  writer.write("three\n");
  await writer.flush(20_000);
  assertEquals([writes, writer.dropped], [1, 3]);
});
