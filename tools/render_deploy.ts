/**
 * Renders the Helm chart and the kustomize folders with the real programs into
 * `tests/testdata/deploy/`, where tests read them without these programs. Run it after each change
 * in `deploy/helm` or `deploy/kustomize`: `deno task deploy`.
 */

import { deployDigest, DIGEST_FILE, RENDERED, ROOT } from "../tests/deploy/files.ts";

const CHART = "deploy/helm/vllm-metrics";
/** Capabilities of a cluster; helm's own default differs between its builds. */
const KUBE_VERSION = "1.34.0";

async function output(variable: string, name: string, args: readonly string[]): Promise<string> {
  const command = new Deno.Command(Deno.env.get(variable) ?? name, {
    args: [...args],
    cwd: ROOT,
    stderr: "inherit",
  });
  const { success, stdout } = await command.output();
  if (!success) throw new Error(`Cannot render: ${name} ${args.join(" ")} failed.`);
  return new TextDecoder().decode(stdout);
}

/** The names of the files in a folder, in order. */
function names(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].map(({ name }) => name).toSorted();
}

/** Kustomize reads no file outside its folder, so that it has a copy for its own host name. */
async function copyFluentBit(): Promise<void> {
  const text = await Deno.readTextFile(new URL("fluent-bit.conf", ROOT));
  const copy = text.replace(/^( +host +)proxy$/gm, "$1vllm-metrics");
  const path = "deploy/kustomize/distributed-parseable/fluent-bit.conf";
  await Deno.writeTextFile(new URL(path, ROOT), copy);
}

await copyFluentBit();
const rendered = new Map<string, string>();
for (const name of names(`${CHART}/ci/`)) {
  const values = `${CHART}/ci/${name}`;
  await output("HELM", "helm", ["lint", "--strict", CHART, "-f", values]);
  const args = ["template", "vllm-metrics", CHART, "-n", "monitoring", "-f", values];
  const text = await output("HELM", "helm", [...args, "--kube-version", KUBE_VERSION]);
  rendered.set(`helm-${name.replace("-values.yaml", ".yaml")}`, text);
}
for (const name of names("deploy/kustomize/")) {
  const text = await output("KUSTOMIZE", "kustomize", ["build", `deploy/kustomize/${name}`]);
  rendered.set(`kustomize-${name}.yaml`, text);
}
for (const name of names(RENDERED).filter((name) => name.endsWith(".yaml"))) {
  await Deno.remove(new URL(RENDERED + name, ROOT));
}
for (const [name, text] of rendered) await Deno.writeTextFile(new URL(RENDERED + name, ROOT), text);
await Deno.writeTextFile(new URL(DIGEST_FILE, ROOT), `${await deployDigest()}\n`);
