import { assertEquals } from "@std/assert";
import { Turns } from "../../lib/dashboard/turns.ts";

Deno.test("of several who wait for a turn one goes on, then all others have theirs", async () => {
  const turns = new Turns();
  const order: string[] = [];
  const wait = async (name: string): Promise<void> => {
    await turns.next();
    order.push(name);
  };
  const both = [wait("one"), wait("two")];
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(() => {
    order.push("scrape");
    resolve();
  }, 0);
  await Promise.all([...both, promise]);
  assertEquals(order, ["one", "scrape", "two"]);
});

Deno.test("nobody waits after a stop", async () => {
  const turns = new Turns();
  const waiting = [turns.next(), turns.next()];
  turns.stop();
  await Promise.all([...waiting, turns.next()]);
});
