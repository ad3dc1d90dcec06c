/** The files of the pipeline, read for what they promise. */

import { parse } from "yaml";

const ROOT = new URL("../../", import.meta.url);

/** Reads a file at the root of the repository. */
export async function readRootFile(name: string): Promise<string> {
  return await Deno.readTextFile(new URL(name, ROOT));
}

/** Narrows a value of a document to an object. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`not an object: ${JSON.stringify(value)}`);
  }
  return { ...value };
}

/** Narrows a value of a document to a list of texts. */
export function asTexts(value: unknown): string[] {
  if (!Array.isArray(value)) throw new TypeError(`not a list: ${JSON.stringify(value)}`);
  return value.map(String);
}

/** Reads the services of a compose file, and its volumes. */
export async function readCompose(
  edit = (text: string): string => text,
  file = "compose.yml",
): Promise<{
  services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  volumes: string[];
}> {
  const document = asObject(parse(edit(await readRootFile(file))));
  const services = Object.entries(asObject(document.services));
  return {
    services: Object.fromEntries(services.map(([name, service]) => [name, asObject(service)])),
    volumes: Object.keys(asObject(document.volumes)),
  };
}

/** Reads `NAME=value` lines. */
export async function readEnvFile(name: string): Promise<Map<string, string>> {
  const lines = (await readRootFile(name)).split("\n");
  return new Map(
    lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
      const [key = "", ...rest] = line.split("=");
      return [key, rest.join("=")];
    }),
  );
}

/** A section of Fluent Bit's classic format: its kind, and its keys in lower case. */
export interface Section {
  /** `SERVICE`, `INPUT` or `OUTPUT`. */
  readonly kind: string;
  /** Values by key; a key can stand more than once. */
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/** Reads `fluent-bit.conf`. */
export async function readFluentBit(edit = (text: string): string => text): Promise<Section[]> {
  const sections: { kind: string; values: Map<string, string[]> }[] = [];
  const text = edit(await readRootFile("fluent-bit.conf"));
  for (const line of text.split("\n").map((l) => l.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    const kind = /^\[(\w+)\]$/.exec(line)?.[1];
    if (kind !== undefined) {
      sections.push({ kind, values: new Map() });
      continue;
    }
    const [, key = "", value = ""] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    const values = sections.at(-1)?.values;
    if (key === "" || values === undefined) throw new SyntaxError(`cannot read "${line}"`);
    values.set(key.toLowerCase(), [...values.get(key.toLowerCase()) ?? [], value]);
  }
  return sections;
}
