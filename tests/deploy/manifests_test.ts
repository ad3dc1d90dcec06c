import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { parseConfig } from "../../lib/config/config.ts";
import { parseProvision } from "../../lib/config/provision_config.ts";
import { parseAddress } from "../../lib/config/values.ts";
import { asObject, readCompose, readFluentBit, readRootFile } from "../pipeline/files.ts";
import {
  at,
  type Container,
  containersOf,
  deployDigest,
  DIGEST_FILE,
  environmentOf,
  list,
  nameOf,
  ofKind,
  type Part,
  readRendered,
  renderedNames,
} from "./files.ts";

/** Checks the objects of everything that was rendered. */
function forAll(
  name: string,
  check: (objects: readonly Part[]) => void | Promise<void>,
): void {
  Deno.test(name, async (t) => {
    for (const rendered of renderedNames()) {
      await t.step(rendered, async () => await check(await readRendered(rendered)));
    }
  });
}

/** Reads a file that a manifest mounts: certificates of the tests. */
function readMounted(path: string): string {
  const file = path.endsWith(".key") ? "server.key" : "server.pem";
  return Deno.readTextFileSync(new URL(`../testdata/tls/${file}`, import.meta.url));
}

function isOurs({ container }: Container): boolean {
  return String(container.image).includes("vllm-metrics");
}

Deno.test("the rendered manifests are those of the chart and the kustomize folders", async () => {
  const digest = (await readRootFile(DIGEST_FILE)).trim();
  assertEquals(digest, await deployDigest(), 'deploy/ has changed. Run "deno task deploy".');
});

forAll("the program takes the settings of each container, without a warning", (objects) => {
  for (const container of containersOf(objects).filter(isOurs)) {
    const env = environmentOf(container, objects);
    const [command] = Array.isArray(container.container.args) ? container.container.args : [];
    if (command === "healthcheck") {
      assert(parseAddress(env.LISTEN_ADDRESS ?? "").ok, "LISTEN_ADDRESS");
      continue;
    }
    const parse = command === "provision" ? parseProvision : parseConfig;
    const result = parse(env, readMounted);
    const { warnings } = result;
    assertEquals([...result.ok ? [] : result.mistakes, ...warnings], []);
  }
});

forAll(
  "each container runs as in compose.yml: no root, no capability, nothing to write",
  (objects) => {
    for (const { container, pod } of containersOf(objects)) {
      assertEquals(container.securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      const { runAsNonRoot, runAsUser, seccompProfile } = asObject(pod.securityContext);
      assertEquals([runAsNonRoot, runAsUser, seccompProfile], [true, 65_532, {
        type: "RuntimeDefault",
      }]);
      assertEquals(pod.automountServiceAccountToken, false);
      assertEquals(pod.enableServiceLinks, false);
    }
  },
);

forAll("each container bounds its memory, and asks for some", (objects) => {
  for (const { container } of containersOf(objects)) {
    for (const kind of ["requests", "limits"]) {
      assertMatch(String(at(container, "resources", kind, "memory")), /^\d+Mi$/);
    }
  }
});

forAll("each mounted volume is there, and each volume is mounted", (objects) => {
  for (const object of objects) {
    const inObject = containersOf([object]);
    const mounted = inObject.flatMap(({ container }) => list(container, "volumeMounts"))
      .map(({ name }) => String(name));
    const volumes = inObject.flatMap(({ pod }) => list(pod, "volumes")).map(({ name }) =>
      String(name)
    );
    const claims = list(object, "spec", "volumeClaimTemplates").map(nameOf);
    assertEquals([...new Set(mounted)].sort(), [...new Set([...volumes, ...claims])].sort());
  }
});

forAll("each Service finds a pod that has its ports by name", (objects) => {
  const containers = containersOf(objects);
  // A Service in extraManifests is for pods of others.
  const ours = ofKind(objects, "Service").filter((object) => nameOf(object) !== "vllm-headless");
  for (const service of ours) {
    const selector = Object.entries(asObject(at(service, "spec", "selector")));
    const found = containers.filter(({ object }) =>
      selector.every(([key, value]) =>
        at(object, "spec", "template", "metadata", "labels", key) === value
      )
    );
    const ports = found.flatMap(({ container }) => list(container, "ports"));
    for (const port of list(service, "spec", "ports")) {
      assert(ports.some(({ name }) => name === port.targetPort), `${nameOf(service)} ${port.name}`);
    }
  }
});

forAll("each image has the version that compose.yml has, or a digest", async (objects) => {
  const { services } = await readCompose();
  for (const { container } of containersOf(objects)) {
    const image = String(container.image);
    const known = [services["fluent-bit"]?.image, `localhost/vllm-metrics:${config.version}`];
    assert(known.includes(image) || /@sha256:[0-9a-f]{64}$/.test(image), image);
  }
});

forAll("no secret is in the environment or an argument of a container", (objects) => {
  for (const { container } of containersOf(objects)) {
    const names = list(container, "env").filter(({ value }) => value !== undefined)
      .map(({ name }) => String(name));
    assertEquals(names.filter((name) => /PASSWORD|TOKEN|API_KEY/.test(name)), []);
  }
});

for (
  const [rendered, guards] of [["helm-fluent-bit", []], ["helm-guarded", [
    "http_user",
    "http_passwd",
    "tls",
    "tls.ca_file",
  ]]] as const
) {
  Deno.test(`${rendered}: Fluent Bit differs from fluent-bit.conf by hosts and guards only`, async () => {
    const objects = await readRendered(rendered);
    const config = ofKind(objects, "ConfigMap").find((object) =>
      nameOf(object).endsWith("fluent-bit")
    );
    const text = String(at(config, "data", "fluent-bit.conf"));
    const own = await readFluentBit(() => text);
    const original = await readFluentBit();
    assertEquals(own.map(({ kind }) => kind), original.map(({ kind }) => kind));
    for (const [index, section] of original.entries()) {
      const values = new Map(own[index]?.values);
      if (section.values.has("host")) assertEquals(values.get("host"), ["127.0.0.1"]);
      for (const key of guards) {
        if (section.values.has("host")) assert(values.has(key), key);
        if (!section.values.has(key)) values.delete(key);
      }
      const expected = new Map(section.values);
      if (expected.has("host")) expected.set("host", ["127.0.0.1"]);
      assertEquals(values, expected);
    }
  });
}

Deno.test("Fluent Bit of the kustomize overlay differs from fluent-bit.conf by the host only", async () => {
  const path = "deploy/kustomize/distributed-parseable/fluent-bit.conf";
  const original = await readRootFile("fluent-bit.conf");
  assertEquals(
    await readRootFile(path),
    original.replace(/^( +host +)proxy$/gm, "$1vllm-metrics"),
  );
});

Deno.test("the kustomize base runs the pod that the chart runs by default", async () => {
  const podOf = (objects: readonly Part[]): Part => {
    const [workload] = ofKind(objects, "Deployment");
    const { containers, serviceAccountName: _, ...pod } = asObject(
      at(workload, "spec", "template", "spec"),
    );
    const [container] = Array.isArray(containers) ? containers : [];
    const { env: _env, envFrom: _envFrom, imagePullPolicy: _pull, ...rest } = asObject(container);
    return { ...pod, container: rest };
  };
  const [base, chart] = await Promise.all(
    ["kustomize-base", "helm-default"].map(async (name) => podOf(await readRendered(name))),
  );
  assertEquals(base, chart);
});

Deno.test("the chart has the version of the program", async () => {
  const chart = await readRootFile("deploy/helm/vllm-metrics/Chart.yaml");
  assertMatch(chart, new RegExp(`^appVersion: "${config.version}"$`, "m"));
});

Deno.test("a queue or a history makes a StatefulSet with a volume, all else a Deployment", async () => {
  for (const name of renderedNames().filter((name) => name.startsWith("helm-"))) {
    const objects = await readRendered(name);
    const claims = ofKind(objects, "StatefulSet")
      .flatMap((object) => list(object, "spec", "volumeClaimTemplates")).map(nameOf);
    const expected: Readonly<Record<string, readonly string[]>> = {
      "helm-fluent-bit": ["queue"],
      "helm-guarded": ["queue"],
      "helm-history": ["history"],
      "helm-push": ["push"],
    };
    assertEquals(claims, expected[name] ?? [], name);
    assertEquals(ofKind(objects, "Deployment").length, name in expected ? 0 : 1, name);
  }
});

Deno.test("monitors authenticate as clientAuth says, and verify the certificate", async () => {
  const [service] = ofKind(await readRendered("helm-guarded"), "ServiceMonitor");
  const [pod] = ofKind(await readRendered("helm-bearer"), "PodMonitor");
  const endpoints = list(service, "spec", "endpoints");
  assertEquals(endpoints.map(({ path }) => path), ["/metrics", "/-/metrics"]);
  for (const endpoint of endpoints) {
    assertEquals(endpoint.scheme, "https");
    assertEquals(at(endpoint, "basicAuth", "password"), {
      name: "vllm-metrics",
      key: "METRICS_PASSWORD",
    });
    assertEquals(at(endpoint, "tlsConfig", "ca", "secret"), {
      name: "vllm-metrics-tls",
      key: "ca.crt",
    });
  }
  for (const endpoint of list(pod, "spec", "podMetricsEndpoints")) {
    assertEquals(at(endpoint, "authorization", "credentials"), {
      name: "vllm-metrics-credentials",
      key: "METRICS_BEARER_TOKEN",
    });
  }
});
