/** The page in a browser, over TLS and with a password. */

import { assertEquals, assertMatch } from "@std/assert";
import { startServe } from "../commands/process.ts";
import { serveCapture } from "../fakes.ts";
import { openPage, startBrowser } from "./browser.ts";

const CREDENTIALS = { username: "reader", password: "a password of sufficient length" };

Deno.test("a browser shows the page to who knows the password, and keeps it up to date", async () => {
  const file = (name: string): string =>
    new URL(`../testdata/tls/${name}`, import.meta.url).pathname;
  await using vllm = serveCapture("during-load-c40");
  await using service = await startServe({
    env: {
      VLLM_METRICS_URL: vllm.origin,
      SCRAPE_INTERVAL: "200ms",
      METRICS_USERNAME: CREDENTIALS.username,
      METRICS_PASSWORD: CREDENTIALS.password,
      TLS_CERT_FILE: file("server.pem"),
      TLS_KEY_FILE: file("server.key"),
    },
  });
  const { port } = new URL(await service.origin());
  await using stack = new AsyncDisposableStack();
  const browser = await startBrowser();
  stack.defer(() => browser.close());
  const url = `https://localhost:${port}/`;
  const { page, messages } = stack.use(
    await openPage(browser, url, { credentials: CREDENTIALS }),
  );
  // The numbers come by EventSource, which cannot be told a header field.
  await page.waitForSelector(".tile-value");
  const events = page.waitForResponse((response) => response.url().includes("/api/v1/events"));
  await page.reload();
  assertEquals((await events).status(), 200);
  await page.waitForSelector(".tile-value");
  assertEquals(messages, []);
  const stranger = stack.use(
    await openPage(browser, url, { credentials: { ...CREDENTIALS, password: "another" } }),
  );
  assertMatch(await stranger.page.content(), /The credentials are wrong\./);
});
