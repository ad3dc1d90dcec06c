/** The npm package: a folder for `npm pack`. */

import config from "../deno.json" with { type: "json" };
import { launcher, repositoryUrl, SUMMARY } from "./package_program.ts";

/** Writes the folder of the npm package. */
export async function writeNpmFolder(program: string, folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const url = repositoryUrl();
  const manifest = {
    name: "vllm-metrics",
    version: config.version,
    description: SUMMARY,
    keywords: ["vllm", "prometheus", "metrics", "fluent-bit", "parseable"],
    license: config.license,
    ...(url === undefined ? {} : { repository: { type: "git", url: `git+${url}.git` } }),
    type: "module",
    bin: "vllm-metrics.cjs",
    files: ["vllm-metrics.cjs", "vllm-metrics.js"],
    engines: { node: ">=18" },
    dependencies: { deno: Deno.version.deno },
  };
  await Deno.writeTextFile(`${folder}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
  const bin = `${folder}/vllm-metrics.cjs`;
  await Deno.writeTextFile(bin, await launcher("packaging/npm/vllm-metrics.cjs"));
  await Deno.chmod(bin, 0o755);
  await Deno.copyFile(program, `${folder}/vllm-metrics.js`);
  await Deno.copyFile("packaging/about.md", `${folder}/README.md`);
  await Deno.copyFile("LICENSE", `${folder}/LICENSE`);
}
