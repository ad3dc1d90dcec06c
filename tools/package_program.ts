/** The bundled program and what every package needs to start it. */

import config from "../deno.json" with { type: "json" };

/** Where packages are made. */
export const DIST = "dist";
/** The bundled program. */
export const PROGRAM = `${DIST}/vllm-metrics.js`;
/** One sentence for package indexes. */
export const SUMMARY = "Makes vLLM's metrics arrive in Prometheus, Fluent Bit and Parseable";
/** What `git archive` and a package fill in, in `lib/version.ts`. */
const COMMIT_PLACEHOLDER = "$Format:%H$";

const { unstable, permissions: { serve } } = config;
const RUN = [
  "run",
  "--no-config",
  "--no-lock",
  "--no-prompt",
  ...unstable.map((name) => `--unstable-${name}`),
  "--allow-net",
  "--allow-read",
  "--allow-env",
];
/** Options of `deno` for the service: the permissions that `deno.json` calls `serve`. */
export const SERVE_OPTIONS: readonly string[] = [...RUN, `--allow-write=${serve.write.join(",")}`];
/** Options of `deno` for a command that writes files where the user says. */
export const CLI_OPTIONS: readonly string[] = [...RUN, "--allow-write"];

/**
 * Runs a program to its end.
 *
 * @throws {Error} When it fails.
 */
export async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = new Deno.Command(command, { args: [...args], env, stderr: "inherit" });
  const { success, code, stdout } = await child.output();
  if (!success) throw new Error(`${command} ${args.join(" ")}: exit ${code}`);
  return new TextDecoder().decode(stdout).trim();
}

/** The commit of the checkout; undefined where there is none. */
async function commit(): Promise<string | undefined> {
  try {
    return await run("git", ["rev-parse", "HEAD"]);
  } catch {
    // No git, or an unpacked archive, where git has filled in the commit already.
    return undefined;
  }
}

/** Makes {@linkcode PROGRAM}. */
export async function bundleProgram(options: readonly string[]): Promise<void> {
  await Deno.mkdir(DIST, { recursive: true });
  await run(Deno.execPath(), [
    "bundle",
    "-q",
    ...options,
    "-o",
    PROGRAM,
    "main.ts",
  ]);
  const hash = await commit();
  if (hash === undefined) return;
  const text = await Deno.readTextFile(PROGRAM);
  await Deno.writeTextFile(PROGRAM, text.replaceAll(COMMIT_PLACEHOLDER, hash));
}

/** Fills a launcher's `@SERVE@` and `@CLI@`. */
export async function launcher(path: string): Promise<string> {
  const text = await Deno.readTextFile(path);
  return text.replace("@SERVE@", SERVE_OPTIONS.join(" ")).replace("@CLI@", CLI_OPTIONS.join(" "));
}

/** Breaks a text into lines. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const longer = `${lines.at(-1) ?? ""} ${word}`;
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Address of the public repository; undefined until a release workflow knows it. */
export function repositoryUrl(): string | undefined {
  const name = Deno.env.get("GITHUB_REPOSITORY");
  return name === undefined ? undefined : `${Deno.env.get("GITHUB_SERVER_URL")}/${name}`;
}

/** Prints a finished package with its size. */
export async function report(path: string): Promise<void> {
  const { size } = await Deno.stat(path);
  const line = `${path}  ${(size / 1024).toFixed(0)} KiB\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(line));
}
