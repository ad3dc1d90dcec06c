/** The Python wheel: the same inputs give the same bytes. */

import { zipSync } from "fflate";
import config from "../deno.json" with { type: "json" };
import { launcher, repositoryUrl, SUMMARY } from "./package_program.ts";

/** The oldest time a zip can hold, in the zone of the machine: every entry has it. */
const MTIME = new Date(1980, 0, 1);
/** `rw-r--r--` of a regular file, where a zip made on Unix has it. */
const ATTRIBUTES = 0o100644 << 16;

/**
 * Turns a semantic version into one of PEP 440.
 *
 * @throws {Error} When PEP 440 has no such version.
 */
export function pythonVersion(version: string): string {
  const parts = /^(\d+\.\d+\.\d+)(?:-(alpha|beta|rc)\.(\d+))?$/.exec(version);
  if (parts === null) throw new Error(`version "${version}": use X.Y.Z or X.Y.Z-rc.N`);
  const [, release = "", phase, number] = parts;
  return phase === undefined ? release : `${release}${phase === "rc" ? phase : phase[0]}${number}`;
}

async function metadata(version: string): Promise<string> {
  const url = repositoryUrl();
  return [
    "Metadata-Version: 2.4",
    "Name: vllm-metrics",
    `Version: ${version}`,
    `Summary: ${SUMMARY}`,
    `License-Expression: ${config.license}`,
    "License-File: LICENSE",
    "Keywords: vllm,prometheus,metrics,fluent-bit,parseable",
    ...(url === undefined ? [] : [`Project-URL: Repository, ${url}`]),
    "Requires-Python: >=3.10",
    `Requires-Dist: deno==${Deno.version.deno}`,
    "Description-Content-Type: text/markdown",
    "",
    await Deno.readTextFile("packaging/about.md"),
  ].join("\n");
}

async function recordLine(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hash = digest.toBase64({ alphabet: "base64url", omitPadding: true });
  return `${name},sha256=${hash},${bytes.length}\n`;
}

/** Makes the wheel. */
export async function writeWheel(program: string, folder: string): Promise<string> {
  const version = pythonVersion(config.version);
  const info = `vllm_metrics-${version}.dist-info`;
  const encoder = new TextEncoder();
  const files: Record<string, Uint8Array<ArrayBuffer>> = {
    "vllm_metrics/__init__.py": await Deno.readFile("packaging/pypi/vllm_metrics/__init__.py"),
    "vllm_metrics/__main__.py": encoder.encode(
      await launcher("packaging/pypi/vllm_metrics/__main__.py"),
    ),
    "vllm_metrics/vllm-metrics.js": await Deno.readFile(program),
    [`${info}/METADATA`]: encoder.encode(await metadata(version)),
    [`${info}/WHEEL`]: encoder.encode(
      "Wheel-Version: 1.0\nGenerator: vllm-metrics\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    ),
    [`${info}/entry_points.txt`]: encoder.encode(
      "[console_scripts]\nvllm-metrics = vllm_metrics.__main__:main\n",
    ),
    [`${info}/licenses/LICENSE`]: await Deno.readFile("LICENSE"),
  };
  let record = "";
  for (const [name, bytes] of Object.entries(files)) record += await recordLine(name, bytes);
  files[`${info}/RECORD`] = encoder.encode(`${record}${info}/RECORD,,\n`);
  const path = `${folder}/vllm_metrics-${version}-py3-none-any.whl`;
  const options = { mtime: MTIME, os: 3, attrs: ATTRIBUTES, level: 9 } as const;
  await Deno.writeFile(path, zipSync(files, options));
  return path;
}
