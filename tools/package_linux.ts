/**
 * `deno task package:linux`: writes the Debian and RPM packages for amd64 and arm64. Needs `npm`,
 * which brings the Deno binaries, `tar` and `nfpm`. Its arguments are options for `deno bundle`.
 */

import { gzipSync } from "fflate";
import config from "../deno.json" with { type: "json" };
import { COMMANDS } from "../lib/commands/mod.ts";
import { SETTING_ROWS } from "../lib/config/settings.ts";
import { bashCompletion, fishCompletion, zshCompletion } from "./package_completions.ts";
import { defaultsFile } from "./package_defaults.ts";
import { manPage } from "./package_man.ts";
import { releaseNotes } from "./release_notes.ts";
import {
  bundleProgram,
  DIST,
  launcher,
  report,
  repositoryUrl,
  run,
  wrap,
} from "./package_program.ts";

const FOLDER = `${DIST}/linux`;
/** Architectures as nfpm calls them, and the npm packages with Deno for them. */
const ARCHITECTURES = { amd64: "@deno/linux-x64-glibc", arm64: "@deno/linux-arm64-glibc" } as const;
const MAINTAINER = "vllm-metrics maintainers <vllm-metrics@users.noreply.github.com>";

function gzip(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gzipSync(new TextEncoder().encode(text), { level: 9, mtime: 0 }));
}

/** Downloads Deno for an architecture; npm checks its integrity. */
async function fetchDeno(architecture: keyof typeof ARCHITECTURES): Promise<string> {
  const folder = `${FOLDER}/${architecture}`;
  await Deno.mkdir(folder, { recursive: true });
  const name = `${ARCHITECTURES[architecture]}@${Deno.version.deno}`;
  const packed = await run("npm", ["pack", "--silent", "--pack-destination", folder, name]);
  await run("tar", ["-xzf", `${folder}/${packed}`, "-C", folder, "package/deno"]);
  return `${folder}/package/deno`;
}

/** The notes of this version as a Debian changelog. */
function debianChangelog(notes: string, maintainer: string, date: Date): string {
  const items = notes.split(/^- /m).slice(1).map((item) => item.replace(/\n+#.*/s, "").trim())
    .map((item) => `  * ${wrap(item, 74).join("\n    ")}\n`).join("");
  const time = date.toUTCString().replace("GMT", "+0000");
  const head = `vllm-metrics (${config.version}) unstable; urgency=medium`;
  return `${head}\n\n${items}\n -- ${maintainer}  ${time}\n`;
}

async function writeFiles(maintainer: string, date: Date): Promise<void> {
  await Deno.mkdir(FOLDER, { recursive: true });
  const texts = {
    "vllm-metrics": await launcher("packaging/linux/vllm-metrics.sh"),
    "vllm-metrics.default": defaultsFile(SETTING_ROWS),
    "vllm-metrics.bash": bashCompletion(COMMANDS),
    "vllm-metrics.zsh": zshCompletion(COMMANDS),
    "vllm-metrics.fish": fishCompletion(COMMANDS),
    "vllm-metrics.1": manPage(config.version, date, COMMANDS, SETTING_ROWS),
  };
  for (const [name, text] of Object.entries(texts)) {
    await Deno.writeTextFile(`${FOLDER}/${name}`, text);
  }
  await Deno.writeFile(`${FOLDER}/vllm-metrics.1.gz`, gzip(texts["vllm-metrics.1"]));
  const notes = releaseNotes(await Deno.readTextFile("CHANGELOG.md"), config.version);
  await Deno.writeFile(`${FOLDER}/changelog.gz`, gzip(debianChangelog(notes, maintainer, date)));
}

if (import.meta.main) {
  const maintainer = Deno.env.get("MAINTAINER") ?? MAINTAINER;
  // The time of every file and of the package: the same commit gives the same bytes.
  const epoch = await run("git", ["log", "-1", "--format=%ct"]);
  await bundleProgram(Deno.args);
  await writeFiles(maintainer, new Date(Number(epoch) * 1_000));
  for (const architecture of ["amd64", "arm64"] as const) {
    const env = {
      ARCH: architecture,
      DENO: await fetchDeno(architecture),
      HOMEPAGE: repositoryUrl() ?? "",
      MAINTAINER: maintainer,
      SOURCE_DATE_EPOCH: epoch,
      VERSION: config.version,
    };
    for (const packager of ["deb", "rpm"]) {
      const args = ["package", "-f", "packaging/linux/nfpm.yaml", "-p", packager, "-t", DIST];
      const output = await run("nfpm", args, env);
      await report(output.split(/\s/).at(-1) ?? "");
    }
  }
}
