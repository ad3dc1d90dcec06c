import { assertEquals } from "@std/assert";
import { mergeEnvFile } from "../../lib/config/env_file.ts";

Deno.test("mergeEnvFile() reads the variables of the file", () => {
  const text =
    '# comment\nLOG_LEVEL=debug\nexport LOG_FORMAT="json"\n\nSCRAPE_TIMEOUT = 2s # short\n';
  assertEquals(mergeEnvFile({}, text), {
    LOG_LEVEL: "debug",
    LOG_FORMAT: "json",
    SCRAPE_TIMEOUT: "2s",
  });
});

Deno.test("mergeEnvFile() lets the environment win, also with an empty variable", () => {
  const env = { LOG_LEVEL: "warn", LOG_FORMAT: "", SCRAPE_TIMEOUT: undefined };
  assertEquals(mergeEnvFile(env, "LOG_LEVEL=debug\nLOG_FORMAT=json\nSCRAPE_TIMEOUT=2s"), {
    LOG_LEVEL: "warn",
    LOG_FORMAT: "",
    SCRAPE_TIMEOUT: "2s",
  });
});

Deno.test("mergeEnvFile() lets a secret of the environment win over both forms in the file", () => {
  const text = "VLLM_BEARER_TOKEN=a\nVLLM_PASSWORD_FILE=/b\nVLLM_USERNAME=c";
  const env = { VLLM_BEARER_TOKEN_FILE: "/run/token", VLLM_PASSWORD: "d", VLLM_USERNAME_FILE: "" };
  assertEquals(mergeEnvFile(env, text), { ...env, VLLM_USERNAME: "c" });
});

Deno.test("mergeEnvFile() gives a dollar sign no meaning", () => {
  const text = "VLLM_PASSWORD=pa$HOME${HOME}$\nVLLM_USERNAME=\"$HOME\"\nVLLM_BEARER_TOKEN='$$'";
  assertEquals(mergeEnvFile({}, text), {
    VLLM_PASSWORD: "pa$HOME${HOME}$",
    VLLM_USERNAME: "$HOME",
    VLLM_BEARER_TOKEN: "$$",
  });
});

Deno.test("mergeEnvFile() keeps a hash sign and line ends inside quotes", () => {
  const text = `VLLM_PASSWORD='a#b'\nVLLM_HEADERS="A: 1\\nB: 2"`;
  assertEquals(mergeEnvFile({}, text), { VLLM_PASSWORD: "a#b", VLLM_HEADERS: "A: 1\nB: 2" });
});

Deno.test("mergeEnvFile() takes an empty file", () => {
  assertEquals(mergeEnvFile({ LOG_LEVEL: "warn" }, ""), { LOG_LEVEL: "warn" });
});

Deno.test("mergeEnvFile() takes a file of Windows: a byte order mark and CRLF", () => {
  assertEquals(mergeEnvFile({}, "\uFEFFLOG_LEVEL=warn\r\nLOG_FORMAT=json\r\n"), {
    LOG_LEVEL: "warn",
    LOG_FORMAT: "json",
  });
});

/** Every form on which parsers of `.env` files differ; the results hold for JSR's parser and its stand-in. */
const FORMS: readonly (readonly [file: string, values: Record<string, string>])[] = [
  ["A=x\nB = y # comment\nexport C=z", { A: "x", B: "y", C: "z" }],
  ["A='a#b' # comment\nB=\"c#d\"\nC=e#f", { A: "a#b", B: "c#d", C: "e" }],
  ["A=\nB=\"\"\nC=''\nD=a=b==", { A: "", B: "", C: "", D: "a=b==" }],
  ["A=\"a\\nb\"\nB='a\\nb'\nC=a\\nb", { A: "a\nb", B: "a\\nb", C: "a\\nb" }],
  ['A="a\\tb"\nB="a\\\\b"\nC="a\\rb"', { A: "a\\tb", B: "a\\\\b", C: "a\\rb" }],
  ["A=`a b`\nB=`c", { A: "`a b`", B: "`c" }],
  ["A=$B\nB=${A:-x}\nC='$$'", { A: "$B", B: "${A:-x}", C: "$$" }],
  ['A="\nx\ny\n"\nB=1', { A: "x\ny", B: "1" }],
  ["a.b=1\n$A=2\nB-C=3\nD=4", { D: "4" }],
  ['A=it\'s\nB=say "hi"\nC=1', { A: "it's", B: 'say "hi"', C: "1" }],
];

Deno.test("a .env file reads the same wherever the standard library comes from", () => {
  for (const [file, values] of FORMS) assertEquals(mergeEnvFile({}, file), values, file);
});
