/**
 * Prints the software bill of materials of the bundled program as CycloneDX JSON. syft 1.57 does
 * not read deno.lock. Its arguments are options for `deno info`.
 */

import config from "../deno.json" with { type: "json" };
import { run } from "./package_program.ts";

/** What `deno info --json` says of a module graph, as far as this uses it. */
interface Graph {
  readonly modules: readonly { readonly specifier: string; readonly npmPackage?: string }[];
  /** All of `deno.json`, by an id; not only what the modules import. */
  readonly npmPackages: Readonly<Record<string, NpmPackage>>;
}

interface NpmPackage {
  readonly name: string;
  readonly version: string;
  /** Ids. */
  readonly dependencies: readonly string[];
}

interface Component {
  readonly type: "library";
  readonly name: string;
  readonly version: string;
  readonly purl: string;
}

function component(type: "npm" | "jsr", name: string, version: string): Component {
  const path = name.replace("@", "%40");
  // purl knows no JSR; its packages are on the registry's npm side as @jsr/SCOPE__NAME.
  const purl = type === "npm" ? path : `%40jsr/${name.slice(1).replace("/", "__")}`;
  return { type: "library", name, version, purl: `pkg:npm/${purl}@${version}` };
}

/** Lists what a module graph contains of others. */
export function components({ modules, npmPackages }: Graph): Component[] {
  const found = new Map<string, Component>();
  const add = (item: Component): unknown => found.set(item.purl, item);
  const addNpm = (id: string): void => {
    const { name, version, dependencies } = npmPackages[id] ?? {};
    if (name === undefined || version === undefined) return;
    const item = component("npm", name, version);
    if (found.has(item.purl)) return;
    add(item);
    dependencies?.forEach(addNpm);
  };
  for (const { specifier, npmPackage } of modules) {
    if (npmPackage !== undefined) addNpm(npmPackage);
    const [, name, version] = /^https:\/\/jsr\.io\/(@[^/]+\/[^/]+)\/([^/]+)\//.exec(specifier) ??
      [];
    if (name !== undefined && version !== undefined) add(component("jsr", name, version));
  }
  return [...found.values()].sort((a, b) => a.purl < b.purl ? -1 : 1);
}

if (import.meta.main) {
  const graph = await run(Deno.execPath(), ["info", "--json", ...Deno.args, "main.ts"]);
  const bom = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: { type: "application", name: "vllm-metrics", version: config.version } },
    components: components(JSON.parse(graph)),
  };
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(bom, null, 2)}\n`));
}
