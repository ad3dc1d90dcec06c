import { assert, assertEquals } from "@std/assert";
import { goFloat, rustFloat } from "../../lib/demo/numbers.ts";
import { capture } from "../fakes.ts";

/** The values of a capture, as text. */
function writtenValues(name: string): string[] {
  return capture(name).text.split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.slice(line.lastIndexOf(" ") + 1));
}

Deno.test.each([["during-load-c40"], ["spec-after-load"], ["dp2-during-load"], ["idle"]])(
  "goFloat writes every value of %s as vLLM did",
  (name) => {
    const values = writtenValues(name);
    assert(values.length > 300);
    assertEquals(values.map((value) => goFloat(Number(value))), values);
  },
);

/** Rust's 17th digit is not always the nearest. */
function withoutLastOf17(value: string): string {
  return value.replace(/\D/g, "").replace(/^0+/, "").length < 17 ? value : value.slice(0, -1);
}

Deno.test("rustFloat and String write every value of the Rust front end as it did", () => {
  const values = writtenValues("rust-after-load");
  assert(values.length > 300);
  const written = values.map((value) =>
    value.includes(".") ? rustFloat(Number(value)) : String(Number(value))
  );
  assertEquals(written.map(withoutLastOf17), values.map(withoutLastOf17));
});

Deno.test.each([
  [0, "0.0"],
  [1, "1.0"],
  [0.1, "0.1"],
  [0.0001, "0.0001"],
  [0.00001, "1e-05"],
  [0.000012345, "1.2345e-05"],
  [999_999, "999999.0"],
  [1_000_000, "1e+06"],
  [1_234_567.5, "1.2345675e+06"],
  [20_000_000_000, "2e+010"],
  [-42, "-42.0"],
  [-1_234_567, "-1234567.0"],
])("goFloat writes %s as prometheus_client does", (value, text) => {
  assertEquals(goFloat(value), text);
});
