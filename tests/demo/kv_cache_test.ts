import { assertEquals } from "@std/assert";
import { KvCache } from "../../lib/demo/kv_cache.ts";

Deno.test("KvCache gives no more blocks than there are", () => {
  const cache = new KvCache(10);
  assertEquals(cache.take(7), true);
  assertEquals([cache.free, cache.usage], [3, 0.7]);
  assertEquals(cache.take(4), false);
  assertEquals(cache.free, 3);
  cache.give(7);
  assertEquals([cache.free, cache.usage], [10, 0]);
});

Deno.test("KvCache counts a common text once, however many use it", () => {
  const cache = new KvCache(100);
  assertEquals(cache.admit(10, 1), 0);
  assertEquals(cache.share(1, 8), true);
  assertEquals(cache.admit(10, 1), 8);
  assertEquals(cache.free, 88);
  // One leaves with the 2 blocks of its own, then the other.
  cache.give(2);
  cache.leave(1);
  assertEquals(cache.free, 90);
  cache.give(2);
  cache.leave(1);
  assertEquals(cache.free, 100);
});

Deno.test("KvCache finds a common text that nobody uses until its blocks were taken", () => {
  const cache = new KvCache(20);
  cache.admit(8, 1);
  cache.share(1, 8);
  cache.leave(1);
  // The 12 blocks that were free before it go first.
  cache.take(12);
  cache.give(12);
  assertEquals(cache.admit(8, 1), 8);
  cache.leave(1);
  cache.take(20);
  cache.give(20);
  assertEquals(cache.admit(8, 1), 0);
});

Deno.test("KvCache refuses a request whose common text is cached, but in blocks that it needs", () => {
  const cache = new KvCache(20);
  cache.admit(8, 1);
  cache.share(1, 8);
  cache.leave(1);
  cache.take(8);
  assertEquals(cache.admit(13, 1), undefined);
  assertEquals(cache.free, 12);
  assertEquals(cache.admit(12, 1), 8);
  assertEquals(cache.free, 0);
});

Deno.test("KvCache forgets what nobody uses", () => {
  const cache = new KvCache(20);
  cache.admit(4, 1);
  cache.share(1, 4);
  cache.admit(4, 2);
  cache.share(2, 4);
  cache.leave(1);
  cache.forget();
  assertEquals(cache.admit(4, 1), 0);
  assertEquals(cache.admit(4, 2), 4);
});
