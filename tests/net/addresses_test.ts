import { assertEquals } from "@std/assert";
import { Addresses, type Resolve, resolveHost } from "../../lib/net/resolve.ts";
import { failureOf, NEVER, NO_SUCH_HOST } from "./fakes.ts";

/** Longer than any test waits. */
const LONG_MS = 20_000;

function addressesOf(resolve: Resolve, now = (): number => 0): Addresses {
  return new Addresses({ hostname: "vllm", label: "http://vllm/metrics", resolve, now });
}

const NOT_FOUND = [
  "UPSTREAM_DNS",
  'Cannot scrape "http://vllm/metrics": host name "vllm" not found',
  "Is the name right, and is a server behind it ready?",
];
const NO_ANSWER = [
  "UPSTREAM_DNS",
  'Cannot scrape "http://vllm/metrics": no name server answers for "vllm"',
  "Is the network up, and is the name server reachable?",
];

Deno.test.each<[string, Resolve, string[]]>([
  ["there is no such name", () => Promise.resolve([]), NOT_FOUND],
  ["the name servers fail", () => Promise.reject(new Error("timeout")), NO_ANSWER],
])("the last good answer holds for a minute when %s", async (_, failing, failure) => {
  let nowMs = 0;
  let resolve: Resolve = () => Promise.resolve(["10.0.0.1"]);
  using addresses = addressesOf((...args) => resolve(...args), () => nowMs);
  await addresses.current(LONG_MS);
  resolve = failing;
  nowMs = 60_000;
  assertEquals(await addresses.current(LONG_MS), ["10.0.0.1"]);
  nowMs = 60_001;
  assertEquals(await failureOf(addresses.current(LONG_MS)), failure);
  resolve = () => Promise.resolve(["10.0.0.9"]);
  assertEquals(await addresses.current(LONG_MS), ["10.0.0.9"]);
});

Deno.test("a look-up that is late is not waited for, and is there the next time", async () => {
  const { promise, resolve: answer } = Promise.withResolvers<string[]>();
  let asked = 0;
  using addresses = addressesOf(() => {
    asked++;
    return promise;
  });
  assertEquals(await failureOf(addresses.current(1)), NO_ANSWER);
  const second = addresses.current(LONG_MS);
  answer(["10.0.0.1"]);
  assertEquals(await second, ["10.0.0.1"]);
  assertEquals(asked, 1);
});

Deno.test("disposing breaks a look-up off", async () => {
  const { promise, resolve: sawAbort } = Promise.withResolvers<void>();
  const addresses = addressesOf((_, signal) => {
    signal.addEventListener("abort", () => sawAbort());
    return new Promise(() => {});
  });
  await failureOf(addresses.current(1));
  addresses[Symbol.dispose]();
  await promise;
});

Deno.test("resolveHost() knows the names of /etc/hosts", async () => {
  const found = await resolveHost("localhost", NEVER);
  assertEquals(found.includes("127.0.0.1"), true, found.join());
  assertEquals(found, [...new Set(found)].toSorted());
});

Deno.test("resolveHost() breaks off with its signal", async () => {
  const gone = AbortSignal.abort(new Error("gone"));
  const outcome = await resolveHost(NO_SUCH_HOST, gone).then(() => "found", () => "failed");
  assertEquals(outcome, "failed");
});
