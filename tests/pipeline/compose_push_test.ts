import { assertEquals } from "@std/assert";
import { parse } from "yaml";
import { parseConfig } from "../../lib/config/config.ts";
import { asObject, readCompose, readEnvFile, readRootFile } from "./files.ts";

Deno.test("compose.push.yml has proxy and Parseable as compose.yml has them, and the proxy pushes", async () => {
  const document = asObject(parse(await readRootFile("compose.push.yml")));
  const { parseable, proxy, ...others } = asObject(document.services);
  const { services } = await readCompose();
  assertEquals(others, {});
  assertEquals(parseable, services.parseable);
  const without = (service: unknown): unknown => ({
    ...asObject(service),
    environment: undefined,
    env_file: undefined,
  });
  assertEquals(without(proxy), without(services.proxy));
  assertEquals(Object.keys(asObject(document.volumes)), [
    "parseable-data",
    "parseable-staging",
    "history",
  ]);

  const written = Object.entries(asObject(asObject(proxy).environment)).map(([name, value]) => [
    name,
    String(value).replace(/\$\{\w+:-(.*)\}/, "$1").replace(/\$\{\w+:\?.*\}/, "http://vllm:8000"),
  ]);
  const account = await readEnvFile("parseable.env");
  const result = parseConfig(
    { ...Object.fromEntries(account), ...Object.fromEntries(written) },
    () => "",
  );
  if (!result.ok) throw new Error(result.mistakes.join());
  const { config: { push }, warnings } = result;
  assertEquals(push?.url.href, "http://parseable:8000/v1/metrics");
  assertEquals(push?.headers[0]?.[1].reveal(), `Basic ${btoa("admin:admin")}`);
  assertEquals(push?.queueFile, "/data/push.db");
  assertEquals(warnings, []);
});
