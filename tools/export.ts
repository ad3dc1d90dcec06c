/** `deno task export`: writes what `vllm-metrics export` gives by default into deploy/. */

import { prometheusFiles } from "../lib/export/files.ts";

const DEFAULTS = { goals: { ttftSeconds: 1, tpotSeconds: 0.1 }, kvLimit: 0.9 };

/** The files by their path in the project. */
export function exportedFiles(): Readonly<Record<string, string>> {
  const chart = "deploy/helm/vllm-metrics/files";
  return Object.fromEntries(
    prometheusFiles(DEFAULTS).flatMap(({ path, text }) => [
      [`deploy/prometheus/${path}`, text],
      [`${chart}/prometheus/${path}`, text],
    ]),
  );
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(exportedFiles())) {
    const url = new URL(`../${path}`, import.meta.url);
    await Deno.mkdir(new URL("./", url), { recursive: true });
    await Deno.writeTextFile(url, text);
  }
}
