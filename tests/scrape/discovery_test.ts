import { assertEquals, assertMatch } from "@std/assert";
import type { ServersConfig } from "../../lib/config/config.ts";
import { configFor, startService } from "../fakes.ts";

/** What a pod answers at its address. */
type Pods = AsyncDisposable & { readonly port: number };

/** Servers on one port of several loopback addresses, each with its own address as a label. */
function servePods(addresses: readonly string[]): Pods {
  const servers: Deno.HttpServer<Deno.NetAddr>[] = [];
  let port = 0;
  for (const hostname of addresses) {
    const server = Deno.serve(
      { hostname, port, onListen(): void {} },
      (request) =>
        new Response(`vllm:a{at="${hostname}",host="${new URL(request.url).hostname}"} 1\n`),
    );
    port = server.addr.port;
    servers.push(server);
  }
  return {
    port,
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all(servers.map((server) => server.shutdown()));
    },
  };
}

function discovered(port: number, name?: string): ServersConfig {
  const upstream = configFor(`http://vllm-headless:${port}/metrics`);
  const list = [{
    name: name ?? `vllm-headless:${port}`,
    isNamed: name !== undefined,
    isDiscovered: true,
    upstream,
  }];
  return { list, isMerged: true };
}

const THREE = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

Deno.test("each address of a name is a server, looked up anew at each scrape", async () => {
  await using pods = servePods(THREE);
  let addresses = THREE.slice(0, 2);
  await using service = startService("http://unused", {
    servers: discovered(pods.port),
    resolve: () => Promise.resolve(addresses),
  });
  const scrape = async (): Promise<string> => await (await service.get("/metrics")).text();
  const line = (address: string): string =>
    `vllm_a{instance="${address}:${pods.port}",at="${address}",host="vllm-headless"} 1\n`;
  assertEquals(await scrape(), line("127.0.0.1") + line("127.0.0.2"));
  addresses = THREE.slice(1);
  assertEquals(await scrape(), line("127.0.0.2") + line("127.0.0.3"));

  // The one that has gone is listed no longer, and the one that stayed goes on counting.
  const series = await service.ownMetrics();
  const counts = [...series].filter(([key]) => key.startsWith("vllm_metrics_scrapes_total"));
  assertEquals(counts, [
    [`vllm_metrics_scrapes_total{instance="127.0.0.2:${pods.port}"}`, 2],
    [`vllm_metrics_scrapes_total{instance="127.0.0.3:${pods.port}"}`, 1],
  ]);
  const one = await service.get(`/metrics/127.0.0.3:${pods.port}`);
  assertEquals(await one.text(), 'vllm_a{at="127.0.0.3",host="vllm-headless"} 1\n');
});

Deno.test("a name of one's own goes before the address", async () => {
  await using pods = servePods(THREE.slice(0, 1));
  await using service = startService("http://unused", {
    servers: discovered(pods.port, "decode"),
    resolve: () => Promise.resolve(THREE.slice(0, 1)),
  });
  const text = await (await service.get("/metrics")).text();
  assertMatch(text, /^vllm_a\{instance="decode@127\.0\.0\.1:\d+",/);
  const alone = await service.get(`/metrics/decode@127.0.0.1:${pods.port}`);
  assertEquals(alone.status, 200);
  await alone.body?.cancel();
});

Deno.test("/metrics/ADDRESS looks names up when it is asked before /metrics", async () => {
  await using pods = servePods(THREE.slice(0, 1));
  await using service = startService("http://unused", {
    servers: discovered(pods.port),
    resolve: () => Promise.resolve(THREE.slice(0, 1)),
  });
  const response = await service.get(`/metrics/127.0.0.1:${pods.port}`);
  assertEquals([response.status, (await response.text()).length > 0], [200, true]);
});

Deno.test("a name that cannot be resolved is a server that is down, logged once", async () => {
  await using pods = servePods(THREE.slice(0, 1));
  let addresses: string[] = [];
  let nowMs = 0;
  await using service = startService("http://unused", {
    servers: discovered(pods.port),
    resolve: () => Promise.resolve(addresses),
    now: () => nowMs,
  });
  const up = async (): Promise<[string, number][]> =>
    [...await service.ownMetrics()].filter(([key]) => key.startsWith("vllm_metrics_upstream_up"));
  for (let scrape = 0; scrape < 2; scrape++) {
    const response = await service.get("/metrics");
    assertEquals(response.status, 502);
    assertMatch(await response.text(), /host name "vllm-headless" not found/);
  }
  assertEquals(await up(), [
    [`vllm_metrics_upstream_up{instance="vllm-headless:${pods.port}"}`, 0],
  ]);
  assertEquals(service.log.all.length, 1);
  const { targets } = await (await service.get("/-/targets")).json();
  assertEquals([targets.length, targets[0].state, targets[0].lastError.code], [
    1,
    "down",
    "UPSTREAM_DNS",
  ]);

  // It is found, and then kept for a minute.
  addresses = THREE.slice(0, 1);
  assertEquals((await (await service.get("/metrics")).text()).includes("vllm_a{"), true);
  assertEquals(await up(), [[`vllm_metrics_upstream_up{instance="127.0.0.1:${pods.port}"}`, 1]]);
  addresses = [];
  nowMs = 60_000;
  const kept = await service.get("/metrics");
  assertEquals([kept.status, (await kept.text()).includes("vllm_a{")], [200, true]);
  nowMs = 60_001;
  const lost = await service.get("/metrics");
  assertEquals(lost.status, 502);
  await lost.body?.cancel();
});

Deno.test("two names that lead to one address give its samples once", async () => {
  await using pods = servePods(THREE.slice(0, 2));
  const [first] = discovered(pods.port).list;
  const upstream = configFor(`http://other:${pods.port}/metrics`);
  let other = ["127.0.0.1", "127.0.0.2"];
  await using service = startService("http://unused", {
    servers: {
      list: [
        ...first === undefined ? [] : [first],
        { name: "other", isNamed: false, isDiscovered: true, upstream },
      ],
      isMerged: true,
    },
    resolve: (hostname) => Promise.resolve(hostname === "other" ? other : ["127.0.0.1"]),
  });
  const instances = async (): Promise<string[]> => {
    const text = await (await service.get("/metrics")).text();
    return [...text.matchAll(/instance="([^:]*):/g)].map(([, address = ""]) => address);
  };
  assertEquals(await instances(), ["127.0.0.1", "127.0.0.2"]);
  other = ["127.0.0.2"];
  assertEquals(await instances(), ["127.0.0.1", "127.0.0.2"]);
  const series = await service.ownMetrics();
  assertEquals(
    series.get(`vllm_metrics_scrapes_total{instance="127.0.0.1:${pods.port}"}`),
    2,
  );
});

Deno.test("more addresses than can be scraped are cut, and that is logged once", async () => {
  const many = Array.from({ length: 257 }, (_, index) => `127.0.${index}.1`);
  await using pods = servePods(["127.0.0.1"]);
  await using service = startService("http://unused", {
    servers: discovered(pods.port),
    resolve: () => Promise.resolve(many),
  });
  for (let scrape = 0; scrape < 2; scrape++) await (await service.get("/metrics")).text();
  const { targets } = await (await service.get("/-/targets")).json();
  assertEquals(targets.length, 256);
  assertEquals(service.log.all.filter((line) => line.includes("Too many")), [
    'level=warn msg="Too many addresses" upstream=http://vllm/metrics found=257 used=256',
  ]);
});
