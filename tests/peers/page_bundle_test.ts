import { assertEquals } from "@std/assert";

/** Runs the task `page`, but for where its result goes. */
async function bundle(output: string): Promise<void> {
  const { tasks } = JSON.parse(await Deno.readTextFile("deno.json"));
  const words: string[] = tasks.page.command.split(" ");
  const args = words.slice(1).map((word) => word.endsWith("bundle.js") ? output : word);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

Deno.test("the committed script of the page is what its sources give", async () => {
  const output = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await bundle(output);
    const [made, committed] = await Promise.all(
      [output, "lib/dashboard/page/bundle.js"].map((path) => Deno.readTextFile(path)),
    );
    assertEquals(made === committed, true, "Run `deno task page` and commit its result");
  } finally {
    await Deno.remove(output);
  }
});
