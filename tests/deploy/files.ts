/** The manifests in `deploy/`, as the real programs rendered them, and what they set. */

import { parseAllDocuments } from "yaml";
import { asObject } from "../pipeline/files.ts";

/** The folder of the project. */
export const ROOT = new URL("../../", import.meta.url);
/** The folder of what was rendered. */
export const RENDERED = "tests/testdata/deploy/";
/** The file with the digest of what it was rendered from. */
export const DIGEST_FILE = `${RENDERED}DIGEST`;

/** A part of a manifest. */
export type Part = Readonly<Record<string, unknown>>;

/** A container, and the objects around it. */
export interface Container {
  /** The kind of its object, such as `Job`. */
  readonly kind: string;
  /** Its own part. */
  readonly container: Part;
  /** The specification of its pod. */
  readonly pod: Part;
  /** The object. */
  readonly object: Part;
}

/** The digest of the files from which manifests are rendered, without generated rules and dashboards. */
export async function deployDigest(): Promise<string> {
  const paths = [...pathsBelow("deploy/helm/"), ...pathsBelow("deploy/kustomize/")].toSorted();
  const files = await Promise.all(
    paths.filter((path) => !/\/vllm-metrics\/(?:files|tests)\//.test(path))
      .map(async (path) => `${path}\n${await Deno.readTextFile(new URL(path, ROOT))}`),
  );
  const bytes = new TextEncoder().encode(files.join("\n"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

function pathsBelow(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) =>
    isDirectory ? pathsBelow(`${folder}${name}/`) : [folder + name]
  );
}

/** The names of what was rendered, such as `helm-default`. */
export function renderedNames(): string[] {
  return [...Deno.readDirSync(new URL(RENDERED, ROOT))]
    .flatMap(({ name }) => name.endsWith(".yaml") ? [name.slice(0, -".yaml".length)] : [])
    .toSorted();
}

/** Reads the objects of what was rendered. */
export async function readRendered(name: string): Promise<Part[]> {
  const text = await Deno.readTextFile(new URL(`${RENDERED}${name}.yaml`, ROOT));
  const documents = parseAllDocuments(text);
  return documents.flatMap((document) => {
    const value: unknown = document.toJS();
    return value === null ? [] : [asObject(value)];
  });
}

/** A value inside an object; undefined where one of the steps is missing. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let found = value;
  for (const step of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = Object.entries(found).find(([key]) => key === String(step))?.[1];
  }
  return found;
}

/** The elements of a list; none where there is no list. */
export function list(value: unknown, ...path: readonly (string | number)[]): Part[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found.map(asObject) : [];
}

/** All containers of the objects. */
export function containersOf(objects: readonly Part[]): Container[] {
  return objects.flatMap((object) => {
    const kind = String(object.kind);
    const spec = kind === "Pod" ? object.spec : at(object, "spec", "template", "spec");
    return list(spec, "containers").map((container) => ({
      kind,
      container,
      pod: asObject(spec),
      object,
    }));
  });
}

/** The objects of a kind. */
export function ofKind(objects: readonly Part[], kind: string): Part[] {
  return objects.filter((object) => object.kind === kind);
}

/** The name of an object. */
export function nameOf(object: Part): string {
  return String(at(object, "metadata", "name"));
}

/** What the Secrets hold that users make themselves. */
const OWN_SECRETS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "parseable-shipper": { P_USERNAME: "shipper", P_PASSWORD: "secret-password" },
  "parseable-admin": { P_USERNAME: "admin", P_PASSWORD: "a-long-password" },
  "parseable-env-secret": { username: "admin", password: "a-long-password" },
  "vllm-metrics-credentials": {
    METRICS_USERNAME: "prometheus",
    METRICS_PASSWORD: "a-long-random-text",
    METRICS_BEARER_TOKEN: "a-long-random-token",
  },
};

/** The environment that Kubernetes gives a container: envFrom in order, then env. */
export function environmentOf(
  { container }: Container,
  objects: readonly Part[],
): Record<string, string> {
  function data(kind: string, name: string): Readonly<Record<string, unknown>> | undefined {
    const object = ofKind(objects, kind).find((object) => nameOf(object) === name);
    if (object !== undefined) return { ...asObject(object.data ?? object.stringData ?? {}) };
    return kind === "Secret" ? OWN_SECRETS[name] : undefined;
  }
  const env: Record<string, string> = {};
  for (const source of list(container, "envFrom")) {
    const [kind, reference] = source.secretRef === undefined
      ? ["ConfigMap", source.configMapRef]
      : ["Secret", source.secretRef];
    const values = data(kind, String(at(reference, "name")));
    if (values === undefined && at(reference, "optional") !== true) {
      throw new Error(`no ${kind} "${at(reference, "name")}"`);
    }
    for (const [name, value] of Object.entries(values ?? {})) env[name] = String(value);
  }
  for (const variable of list(container, "env")) {
    const key = at(variable, "valueFrom", "secretKeyRef");
    const value = key === undefined
      ? variable.value
      : data("Secret", String(at(key, "name")))?.[String(at(key, "key"))];
    if (typeof value !== "string") throw new Error(`no value of "${variable.name}"`);
    env[String(variable.name)] = value;
  }
  return env;
}
