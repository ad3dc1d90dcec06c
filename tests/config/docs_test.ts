import { assertEquals } from "@std/assert";
import { tables } from "../../tools/docs.ts";

Deno.test("commands, settings and metrics in docs/ are what `deno task docs` writes", async () => {
  // The formatter breaks lines.
  const inOneLine = (text: string | undefined): string | undefined =>
    text?.trim().replace(/\s+/g, " ");
  for (const [name, table] of Object.entries(await tables())) {
    const text = await Deno.readTextFile(new URL(`../../docs/${name}.md`, import.meta.url));
    const block = new RegExp(`<!-- ${name} -->\n([^]*?)\n<!-- /${name} -->`).exec(text)?.[1];
    assertEquals(inOneLine(block), inOneLine(table), `docs/${name}.md: run deno task docs`);
  }
});

/** All Markdown files that link to others. */
async function documents(): Promise<string[]> {
  const names = ["README.md", "CONTRIBUTING.md", "SECURITY.md"];
  for await (const { name } of Deno.readDir(new URL("../../docs/", import.meta.url))) {
    if (name.endsWith(".md")) names.push(`docs/${name}`);
  }
  return names;
}

Deno.test("every link between documents leads to a file and a heading that are there", async () => {
  const broken: string[] = [];
  for (const name of await documents()) {
    const base = new URL(`../../${name}`, import.meta.url);
    const text = await Deno.readTextFile(base);
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const url = new URL(target, base);
      const { hash } = url;
      url.hash = "";
      try {
        const found = (await Deno.stat(url)).isFile ? await Deno.readTextFile(url) : "";
        const anchors = [...found.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
          `#${title.toLowerCase().replace(/[^\w\s-]/g, "").replaceAll(" ", "-")}`
        );
        if (hash !== "" && !anchors.includes(hash)) broken.push(`${name}: ${target}`);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        broken.push(`${name}: ${target}`);
      }
    }
  }
  assertEquals(broken, []);
});

Deno.test("README.md has at most 150 lines and 900 words", async () => {
  const text = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const words = text.split(/\s+/).filter((word) => /\w/.test(word)).length;
  assertEquals([text.split("\n").length - 1 <= 150, words <= 900], [true, true], `${words} words`);
});

Deno.test("docs/architecture.md and CONTRIBUTING.md name files that are there", async () => {
  const root = new URL("../../", import.meta.url);
  const files: string[] = [];
  async function list(folder: string): Promise<void> {
    for await (const { name, isDirectory } of Deno.readDir(new URL(folder, root))) {
      if (isDirectory) await list(`${folder}${name}/`);
      else files.push(`/${folder}${name}`);
    }
  }
  for (const folder of ["lib/", "tests/", "tools/"]) await list(folder);
  files.push("/main.ts");
  const missing: string[] = [];
  for (const document of ["docs/architecture.md", "CONTRIBUTING.md"]) {
    const text = await Deno.readTextFile(new URL(document, root));
    for (const [, name = ""] of text.matchAll(/`([\w/]+\.ts)`/g)) {
      if (!files.some((file) => file.endsWith(`/${name}`))) missing.push(`${document}: ${name}`);
    }
  }
  assertEquals(missing, []);
});

Deno.test("each path in docs/architecture.md is short enough to follow", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/architecture.md", import.meta.url));
  const lengths = text.split(/^## /m).map((section) => [...section.matchAll(/^\| \d+ /gm)].length);
  const [scrape = 0, request = 0, value = 0] = lengths.filter((length) => length > 0);
  assertEquals([scrape <= 9, request <= 10, value <= 18], [true, true, true], lengths.join(", "));
});
