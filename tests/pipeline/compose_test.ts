import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse } from "yaml";
import config from "../../deno.json" with { type: "json" };
import { SETTING_NAMES, SETTING_ROWS } from "../../lib/config/settings.ts";
import { asObject, asTexts, readCompose, readEnvFile, readRootFile } from "./files.ts";

Deno.test("four services, each image pinned by version", async () => {
  const { services } = await readCompose();
  const images = Object.entries(services).map(([name, service]) => [name, service.image]);
  assertEquals(Object.fromEntries(images), {
    "parseable": "quay.io/parseablehq/parseable:v2.9.5",
    "provision": `localhost/vllm-metrics:${config.version}`,
    "proxy": `localhost/vllm-metrics:${config.version}`,
    "fluent-bit": "docker.io/fluent/fluent-bit:5.1.1",
  });
});

const FILES = ["compose.yml", "compose.push.yml", "compose-otel.yml", "compose.distributed.yml"];

Deno.test("no file of the pipeline asks for an image named latest or without tag", async () => {
  for (const file of [...FILES, "Containerfile"]) {
    const text = await readRootFile(file);
    assert(!/:latest\b/.test(text), file);
    for (const [, image = ""] of text.matchAll(/^(?:FROM| *image:) (\S+)/gm)) {
      assertMatch(image, /:[\w.-]+$/, file);
    }
  }
});

Deno.test.each(FILES.map((file) => [file]))(
  "%s declares each volume of a service, and each declared one is used",
  async (file) => {
    const { services, volumes } = await readCompose(undefined, file);
    const mounts = Object.values(services).flatMap((service) => asTexts(service.volumes ?? []));
    const named = mounts.filter((mount) => !mount.startsWith("./")).map((m) => m.split(":")[0]);
    assertEquals(named.sort(), volumes.sort());
  },
);

Deno.test("both folders of Parseable and the storage of Fluent Bit outlive the containers", async () => {
  const { services } = await readCompose();
  const env = await readEnvFile("parseable.env");
  const folders = [env.get("P_FS_DIR"), env.get("P_STAGING_DIR")];
  const parseable = asTexts(services.parseable?.volumes).map((mount) => mount.split(":")[1]);
  assertEquals(parseable, folders);
  const storage = asTexts(services["fluent-bit"]?.volumes).map((mount) => mount.split(":")[1]);
  assertEquals(storage, ["/fluent-bit/etc/fluent-bit.conf", "/fluent-bit/storage"]);
});

Deno.test("the history is a file on a volume that the image makes for the user of the proxy", async () => {
  const { services: { proxy } } = await readCompose();
  const { HISTORY_FILE } = asObject(proxy?.environment);
  assertEquals(HISTORY_FILE, "/data/history.db");
  assertEquals(asTexts(proxy?.volumes), ["history:/data"]);
  for (const file of ["Containerfile", "Containerfile.distroless"]) {
    const copies = (await readRootFile(file)).match(/^COPY --from=build --chown=.*$/gm);
    assertEquals(copies, [`COPY --from=build --chown=${proxy?.user} /out/data /data`], file);
  }
});

Deno.test("only the metrics and Parseable are published", async () => {
  const { services } = await readCompose();
  const ports = Object.values(services).flatMap((service) => asTexts(service.ports ?? []));
  assertEquals(ports.sort(), ["127.0.0.1:8080:8000", "9090:9090"]);
});

Deno.test("Parseable is published for other machines only with credentials of one's own", async () => {
  const text = await readRootFile("compose.public.yml");
  const services = asObject(asObject(parse(text)).services);
  assertEquals(Object.keys(services), ["parseable", "provision", "fluent-bit"]);
  assertEquals(asObject(services.parseable).ports, ["${PARSEABLE_PUBLIC_PORT:-8081}:8000"]);
  const example = await readRootFile(".env.example");
  for (const [name, service] of Object.entries(services)) {
    const { P_USERNAME, P_PASSWORD } = asObject(asObject(service).environment);
    assertMatch(String(P_USERNAME), /^\$\{PARSEABLE_USERNAME:\?Set PARSEABLE_USERNAME to /, name);
    assertMatch(String(P_PASSWORD), /^\$\{PARSEABLE_PASSWORD:\?Set PARSEABLE_PASSWORD to /, name);
  }
  for (const [, name = ""] of text.matchAll(/\$\{(\w+)/g)) {
    assertMatch(example, new RegExp(`^#?${name}=`, "m"), `${name} in .env.example`);
  }
});

Deno.test("Parseable starts first, then the proxy, and Fluent Bit when that is healthy", async () => {
  const { services } = await readCompose();
  assertEquals(services.parseable?.depends_on, undefined);
  assertEquals(services.proxy?.depends_on, { parseable: { condition: "service_started" } });
  assertEquals(services["fluent-bit"]?.depends_on, { proxy: { condition: "service_healthy" } });
});

Deno.test("provision runs once, on a Parseable that has started, and nothing waits for it", async () => {
  const { services } = await readCompose();
  const { provision, ...others } = services;
  assertEquals(provision?.command, ["provision", "--wait", "60s"]);
  assertEquals(provision?.restart, "no");
  assertEquals(provision?.depends_on, { parseable: { condition: "service_started" } });
  for (const [name, service] of Object.entries(others)) {
    assertEquals(
      Object.keys(asObject(service.depends_on ?? {})).includes("provision"),
      false,
      name,
    );
  }
});

Deno.test("proxy and provision are one image, built from the same file", async () => {
  const { services: { proxy, provision } } = await readCompose();
  assertEquals(provision?.image, proxy?.image);
  assertEquals(provision?.build, proxy?.build);
  assertEquals(proxy?.build, { context: ".", dockerfile: "Containerfile" });
});

Deno.test("the health of the proxy is asked for without a shell", async () => {
  const { services } = await readCompose();
  const { test } = asObject(services.proxy?.healthcheck);
  assertEquals(test, ["CMD", "/usr/local/bin/vllm-metrics", "healthcheck"]);
});

Deno.test("Parseable has a host name that stays", async () => {
  const { services } = await readCompose();
  assertEquals(services.parseable?.hostname, "parseable");
});

Deno.test("each service but provision is restarted, and each is limited, without privileges, and its log is bounded", async () => {
  const files = await Promise.all(FILES.map((file) => readCompose(undefined, file)));
  for (const [name, service] of files.flatMap(({ services }) => Object.entries(services))) {
    assertEquals(service.restart, name === "provision" ? "no" : "unless-stopped", name);
    assertEquals(service.read_only, true, name);
    assertEquals(service.cap_drop, ["ALL"], name);
    assertEquals(service.security_opt, ["no-new-privileges:true"], name);
    assertMatch(String(service.mem_limit), /^\d+[mg]$/, name);
    assert(Number(service.cpus) > 0, name);
    assertMatch(String(service.stop_grace_period), /^\d+s$/, name);
    assertEquals(service.logging, { options: { "max-size": "10m" } }, name);
  }
});

Deno.test.each(FILES.map((file) => [file]))(
  "%s requires one variable, and says what to set",
  async (file) => {
    const text = await readRootFile(file);
    const required = [...text.matchAll(/\$\{(\w+):?\?([^}]*)\}/g)].map(([, name, says]) => [
      name,
      says?.startsWith(`Set ${name} to`),
    ]);
    assertEquals(required, [["VLLM_METRICS_URL", true]]);
  },
);

Deno.test("no variable has an empty default: podman-compose 1.0.3 passes it on as it is written", async () => {
  const text = (await Promise.all(FILES.map(readRootFile))).join("");
  assertEquals([...text.matchAll(/\$\{\w+(?::?-)?\}/g)].map(String), []);
});

Deno.test.each(FILES.map((file) => [file]))(
  "each variable of %s is explained, and its default is the service's own",
  async (file) => {
    const text = await readRootFile(file);
    const example = await readRootFile(".env.example");
    const variables = [...text.matchAll(/\$\{(\w+):[?-]([^}]*)\}/g)];
    assert(variables.length > 4);
    for (const [, name = "", value = ""] of variables) {
      assertMatch(example, new RegExp(`^#?${name}=`, "m"), `${name} in .env.example`);
      const setting = SETTING_ROWS.find(([known]) => known === name)?.[1];
      if (setting === undefined || name === "VLLM_METRICS_URL") continue;
      // Not set, so that provision can tell the default from what somebody chose.
      if (name === "PARSEABLE_RETENTION") {
        assertEquals(value.trim(), "");
        continue;
      }
      assertEquals(value.trim(), setting.defaultText, name);
    }
  },
);

Deno.test.each([["proxy"], ["provision"]])(
  "%s knows each variable that compose.yml gives it",
  async (name) => {
    const { services } = await readCompose();
    const known = SETTING_NAMES;
    const environment = asObject(services[name]?.environment);
    assertEquals(Object.keys(environment).filter((each) => !known.includes(each)), []);
    assertEquals(environment.PARSEABLE_URL, "http://parseable:8000");
  },
);

Deno.test("parseable.env has the variables of the original, and turns off what phones home", async () => {
  assertEquals(Object.fromEntries(await readEnvFile("parseable.env")), {
    P_USERNAME: "admin",
    P_PASSWORD: "admin",
    P_ADDR: "0.0.0.0:8000",
    P_STAGING_DIR: "/parseable/staging",
    P_FS_DIR: "/parseable/data",
    P_CHECK_UPDATE: "false",
    P_SEND_ANONYMOUS_USAGE_DATA: "false",
    P_COLLECT_DATASET_STATS: "false",
  });
});

Deno.test("all take the credentials from the same file, and Fluent Bit may have its own", async () => {
  const { services } = await readCompose();
  assertEquals(services.parseable?.env_file, ["parseable.env"]);
  assertEquals(services.provision?.env_file, ["parseable.env"]);
  assertEquals(services["fluent-bit"]?.env_file, ["parseable.env", "fluent-bit.env"]);
  assertEquals(services.proxy?.env_file, undefined);
  assertEquals((await readEnvFile("fluent-bit.env")).size, 0);
});
