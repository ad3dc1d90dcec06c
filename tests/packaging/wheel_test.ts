import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { unzipSync } from "fflate";
import config from "../../deno.json" with { type: "json" };
import { pythonVersion, writeWheel } from "../../tools/package_wheel.ts";

async function wheel(): Promise<{ name: string; bytes: Uint8Array<ArrayBuffer> }> {
  const folder = await Deno.makeTempDir();
  try {
    const program = `${folder}/program.js`;
    await Deno.writeTextFile(program, "// the program\n");
    const path = await writeWheel(program, folder);
    return { name: path.slice(folder.length + 1), bytes: await Deno.readFile(path) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the wheel lists each of its files with its digest", async () => {
  const { name, bytes } = await wheel();
  assertEquals(name, `vllm_metrics-${config.version}-py3-none-any.whl`);
  const files = unzipSync(bytes);
  const record = `vllm_metrics-${config.version}.dist-info/RECORD`;
  const lines = new TextDecoder().decode(files[record]).trimEnd().split("\n");
  assertEquals(lines.map((line) => line.split(",")[0]).sort(), Object.keys(files).sort());
  for (const line of lines) {
    const [path = "", digest, length] = line.split(",");
    if (path === record) continue;
    const content = new Uint8Array(files[path] ?? []);
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
    const text = hash.toBase64({ alphabet: "base64url", omitPadding: true });
    assertEquals([digest, length], [`sha256=${text}`, String(content.length)], path);
  }
});

Deno.test("the wheel needs the Deno that it was made with", async () => {
  const files = unzipSync((await wheel()).bytes);
  const metadata = new TextDecoder().decode(
    files[`vllm_metrics-${config.version}.dist-info/METADATA`],
  );
  assertMatch(metadata, new RegExp(`^Requires-Dist: deno==${Deno.version.deno}$`, "m"));
});

Deno.test("the same inputs give the same wheel", async () => {
  assertEquals(await wheel(), await wheel());
});

Deno.test("a version is written as Python has it, or refused", () => {
  assertEquals(pythonVersion("1.2.3"), "1.2.3");
  assertEquals(pythonVersion("1.2.3-rc.1"), "1.2.3rc1");
  assertEquals(pythonVersion("1.2.3-alpha.2"), "1.2.3a2");
  assertThrows(() => pythonVersion("1.2.3-next"), Error, 'version "1.2.3-next"');
});
