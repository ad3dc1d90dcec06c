/** The import rule of docs/architecture.md, and the absence of cycles. */

import { assertEquals } from "@std/assert";
import { dirname, join, relative } from "node:path";

const ROOT = new URL("../", import.meta.url).pathname;

/** Levels from top to bottom: a folder imports only from levels below its own. */
const LEVELS: readonly (readonly string[])[] = [
  ["main.ts"],
  ["commands"],
  ["dashboard", "relay", "push", "doctor", "demo", "export"],
  ["parseable"],
  ["http", "scrape", "history"],
  ["exposition", "otlp", "net"],
  ["config"],
  ["root files"],
];

const IMPORT = /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+"(\.{1,2}\/[^"]+)"/g;

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    if (isDirectory) return name === "gen" ? [] : filesIn(path);
    return /\.tsx?$/.test(name) ? [path] : [];
  });
}

/** Every source file with the files it imports; paths are relative to the checkout. */
function importGraph(): Map<string, string[]> {
  const files = [join(ROOT, "main.ts"), ...filesIn(join(ROOT, "lib"))];
  return new Map(files.map((file) => {
    const imports = [...Deno.readTextFileSync(file).matchAll(IMPORT)]
      .map(([, specifier = ""]) => relative(ROOT, join(dirname(file), specifier)))
      .filter((imported) => /\.tsx?$/.test(imported));
    return [relative(ROOT, file), imports];
  }));
}

/** The folder of `lib/` a file belongs to; files directly in `lib/` are "root files". */
function folderOf(file: string): string {
  const parts = file.split("/");
  if (parts[0] !== "lib") return file;
  return parts.length === 2 ? "root files" : parts[1] ?? "";
}

function levelOf(file: string): number {
  return LEVELS.findIndex((folders) => folders.includes(folderOf(file)));
}

Deno.test("every folder of lib/ has a level", () => {
  const folders = new Set([...importGraph().keys()].map(folderOf));
  const known = new Set(LEVELS.flat());
  assertEquals([...folders].filter((folder) => !known.has(folder)), []);
});

Deno.test("imports point down, never to a sibling folder or up", () => {
  const wrong = [...importGraph()].flatMap(([file, imports]) =>
    imports.filter((imported) =>
      folderOf(imported) !== folderOf(file) && levelOf(imported) <= levelOf(file)
    ).map((imported) => `${file} imports ${imported}`)
  );
  assertEquals(wrong, []);
});

Deno.test("no import cycle", () => {
  const graph = importGraph();
  const done = new Set<string>();
  const cycles: string[] = [];
  function visit(file: string, path: readonly string[]): void {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      return;
    }
    if (done.has(file)) return;
    for (const imported of graph.get(file) ?? []) visit(imported, [...path, file]);
    done.add(file);
  }
  for (const file of graph.keys()) visit(file, []);
  assertEquals(cycles, []);
});
