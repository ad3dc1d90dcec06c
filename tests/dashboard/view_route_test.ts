import { assertEquals, assertMatch } from "@std/assert";
import { startDashboard } from "./pages.ts";

Deno.test("GET /api/v1/view gives a view as JSON", async () => {
  await using service = startDashboard();
  const response = await fetch(`${service.origin}/api/v1/view?window=900&model=a%26b&engine=`);
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "application/json");
  assertEquals(response.headers.get("cache-control"), "no-store");
  assertEquals(response.headers.get("x-content-type-options"), "nosniff");
  const view = await response.json();
  assertEquals([view.windowSeconds, view.windows], [900, [300, 900]]);
  assertEquals(view.selection, { model: "a&b" });
  assertEquals(view.targets.map(({ state }: { state: string }) => state), ["unknown"]);
});

Deno.test("without parameters the window is five minutes of everything", async () => {
  await using service = startDashboard();
  const view = await (await fetch(`${service.origin}/api/v1/view`)).json();
  assertEquals([view.windowSeconds, view.selection], [300, {}]);
});

Deno.test("HEAD gives the headers of the view and of the events, and opens no page", async () => {
  await using service = startDashboard();
  for (
    const [path, type] of [["view", "application/json"], ["events", "text/event-stream"]] as const
  ) {
    const response = await fetch(`${service.origin}/api/v1/${path}`, { method: "HEAD" });
    assertEquals([response.status, response.headers.get("content-type")], [200, type]);
    assertEquals(await response.text(), "");
  }
  assertEquals(await service.metric("vllm_metrics_pages_open"), 0);
});

Deno.test("who asks twice within an interval gets the same view", async () => {
  await using service = startDashboard({ updateMs: 60_000 });
  const ask = async (query: string): Promise<unknown> =>
    await (await fetch(`${service.origin}/api/v1/view${query}`)).json();
  assertEquals(await ask("?window=300"), await ask(""));
  assertEquals(await service.metric("vllm_metrics_views_computed_total"), 1);
  await ask("?window=900");
  assertEquals(await service.metric("vllm_metrics_views_computed_total"), 2);
});

Deno.test("who asks once makes the service scrape for a while", async () => {
  await using service = startDashboard();
  await (await fetch(`${service.origin}/api/v1/view`)).body?.cancel();
  assertEquals(service.watchers(), 1);
  service.dashboard.stop();
  assertEquals(service.watchers(), 0);
});

const MISTAKES: Readonly<Record<string, readonly [message: RegExp, hint: RegExp]>> = {
  "window=301": [/unsupported window "301"$/, /^Windows are in seconds: 300, 900\.$/],
  "window=5m": [/unsupported window "5m"$/, /300, 900/],
  "window=300.0": [/unsupported window "300.0"$/, /300, 900/],
  "window=300&window=900": [/the parameter "window" is given 2 times$/, /once/],
  "windows=300": [/unknown parameter "windows"$/, /^Did you mean "window"\?$/],
  "frobnicate=1": [
    /unknown parameter "frobnicate"$/,
    /^The parameters are window, from, to, model, engine/,
  ],
  [`model=${"m".repeat(4_097)}`]: [/the parameter "model" is longer than 4096/, /a name/],
};

for (const [query, [message, hint]] of Object.entries(MISTAKES)) {
  Deno.test(`a wrong request is answered with what is wrong: ${query.slice(0, 30)}`, async () => {
    await using service = startDashboard();
    for (const path of ["view", "events"]) {
      const response = await fetch(`${service.origin}/api/v1/${path}?${query}`);
      assertEquals(response.status, 400);
      assertEquals(response.headers.get("content-type"), "application/json");
      const { error } = await response.json();
      assertEquals(error.code, "REQUEST_INVALID");
      assertMatch(error.message, message);
      assertMatch(error.hint, hint);
    }
    assertEquals(service.watchers(), 0);
  });
}
