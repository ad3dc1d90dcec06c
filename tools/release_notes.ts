/** Prints the section of CHANGELOG.md for the version in deno.json, for a release's page. */

import config from "../deno.json" with { type: "json" };

/**
 * Finds the section of a version.
 *
 * @throws {Error} When there is none, or it is empty.
 */
export function releaseNotes(changelog: string, version: string): string {
  const section = changelog.split(/^## /m)
    .find((text) => /^\[?([^\]\s]+)/.exec(text)?.[1] === version);
  const notes = section?.replace(/^.*\n/, "").trim() ?? "";
  if (notes === "") throw new Error(`CHANGELOG.md: no section "## ${version}"; write it first`);
  return notes;
}

if (import.meta.main) {
  const notes = releaseNotes(await Deno.readTextFile("CHANGELOG.md"), config.version);
  Deno.stdout.writeSync(new TextEncoder().encode(`${notes}\n`));
}
