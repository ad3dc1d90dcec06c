/** Writes YAML: maps, lists, and every text quoted as JSON, which YAML reads as it is. */

/** What can be written. */
export type Yaml = string | number | boolean | readonly Yaml[] | { readonly [key: string]: Yaml };

function lines(value: Yaml): string[] {
  if (typeof value !== "object") return [JSON.stringify(value)];
  if (isList(value)) return value.flatMap((item) => indented(lines(item), "- "));
  return Object.entries(value).flatMap(([key, item]) =>
    typeof item === "object"
      ? [`${key}:`, ...lines(item).map((line) => `  ${line}`)]
      : typeof item === "string" && item.endsWith("\n")
      ? [`${key}: |`, ...item.trimEnd().split("\n").map((line) => `  ${line}`)]
      : [`${key}: ${JSON.stringify(item)}`]
  );
}

function isList(value: Yaml): value is readonly Yaml[] {
  return Array.isArray(value);
}

function indented([first = "", ...rest]: readonly string[], mark: string): string[] {
  return [mark + first, ...rest.map((line) => "  " + line)];
}

/** Writes a document. */
export function yaml(document: Yaml): string {
  return lines(document).map((line) => `${line}\n`).join("");
}
