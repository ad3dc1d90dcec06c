import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { parse } from "yaml";
import config from "../../deno.json" with { type: "json" };
import { SETTING_NAMES, SETTING_ROWS } from "../../lib/config/settings.ts";
import { defaultsFile } from "../../tools/package_defaults.ts";
import { SERVE_OPTIONS } from "../../tools/package_program.ts";
import { releaseNotes } from "../../tools/release_notes.ts";
import { components } from "../../tools/sbom.ts";

const WORKFLOWS = new URL("../../.github/workflows/", import.meta.url);

async function workflows(): Promise<[string, string][]> {
  const names = (await Array.fromAsync(Deno.readDir(WORKFLOWS))).map(({ name }) => name);
  return await Promise.all(
    names.map(async (name): Promise<[string, string]> => [
      name,
      await Deno.readTextFile(new URL(name, WORKFLOWS)),
    ]),
  );
}

Deno.test("release notes are the section of the version, whatever its heading looks like", () => {
  const changelog =
    "# Changelog\n\n## [Unreleased]\n\n- new\n\n## [0.2.0] - 2026-12-01\n\n- b\n\n" +
    "## 0.1.0\n\n- a\n";
  assertEquals(releaseNotes(changelog, "0.2.0"), "- b");
  assertEquals(releaseNotes(changelog, "0.1.0"), "- a");
  assertThrows(() => releaseNotes(changelog, "0.3.0"), Error, 'no section "## 0.3.0"');
});

Deno.test("each action of a workflow is pinned by commit, and its version is named", async () => {
  for (const [name, text] of await workflows()) {
    for (const [, action = ""] of text.matchAll(/^\s*(?:- )?uses: (.+)$/gm)) {
      if (action.startsWith("./")) continue;
      assertMatch(action, /^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, name);
    }
  }
});

Deno.test("a release is built with the Deno of the gate", async () => {
  const gate = await Deno.readTextFile(new URL("../../.ci/run", import.meta.url));
  const release = await Deno.readTextFile(new URL("release.yml", WORKFLOWS));
  const version = /^DENO_VERSION=(.+)$/m.exec(gate)?.[1];
  assertEquals(/deno-version: (.+)$/m.exec(release)?.[1], version);
});

Deno.test("a workflow has no permission that one of its jobs does not ask for", async () => {
  for (const [name, text] of await workflows()) assertEquals(parse(text).permissions, {}, name);
});

Deno.test("the defaults of the systemd service name settings that exist", () => {
  const names = [...defaultsFile(SETTING_ROWS).matchAll(/^#?([A-Z][A-Z_0-9]+)=/gm)]
    .map(([, name = ""]) => name);
  assertEquals(names.length, SETTING_ROWS.length);
  assertEquals(names.filter((name) => !SETTING_NAMES.includes(name)), []);
});

Deno.test("the small image has the version, and the Deno of the gate", async () => {
  const text = await Deno.readTextFile(new URL("../../Containerfile.distroless", import.meta.url));
  const versions = [...text.matchAll(/^ARG VERSION=(.+)$/gm)].map(([, version]) => version);
  assertEquals(versions, [config.version, config.version]);
  const images = [...text.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
  const deno = `docker.io/denoland/deno:`;
  assertEquals(images, [`${deno}${Deno.version.deno}`, `${deno}distroless-${Deno.version.deno}`]);
});

Deno.test("the small image starts the program with the permissions of the service", async () => {
  const text = await Deno.readTextFile(new URL("../../Containerfile.distroless", import.meta.url));
  const [, entrypoint = ""] = /^ENTRYPOINT ([\s\S]+?\])$/m.exec(text) ?? [];
  const command = JSON.parse(entrypoint.replaceAll("\\\n", ""));
  assertEquals(command, ["/bin/deno", ...SERVE_OPTIONS, "/app/vllm-metrics.js"]);
});

Deno.test("the bill of materials lists what the program imports, from both registries", () => {
  const found = components({
    modules: [
      { specifier: "file:///main.ts" },
      { specifier: "https://jsr.io/@std/http/1.1.3/status.ts" },
      { specifier: "npm:/a@1.0.0", npmPackage: "a@1.0.0" },
    ],
    npmPackages: {
      "a@1.0.0": { name: "a", version: "1.0.0", dependencies: ["@b/c@2.0.0"] },
      "@b/c@2.0.0": { name: "@b/c", version: "2.0.0", dependencies: ["a@1.0.0"] },
      "unused@3.0.0": { name: "unused", version: "3.0.0", dependencies: [] },
    },
  });
  assertEquals(found.map(({ purl }) => purl), [
    "pkg:npm/%40b/c@2.0.0",
    "pkg:npm/%40jsr/std__http@1.1.3",
    "pkg:npm/a@1.0.0",
  ]);
});
