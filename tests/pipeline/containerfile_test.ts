import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { readRootFile } from "./files.ts";

/** Instructions with continued lines joined, without comments. */
async function instructions(): Promise<string[]> {
  const text = (await readRootFile("Containerfile")).replace(/^#.*\n/gm, "");
  return text.replace(/\\\n\s*/g, "").split("\n").filter((line) => line !== "");
}

/** The last stage. */
async function finalStage(): Promise<string[]> {
  const lines = await instructions();
  return lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")));
}

Deno.test("the image is built by a pinned Deno, onto a pinned base without a shell", async () => {
  const stages = (await instructions()).filter((line) => line.startsWith("FROM "));
  const version = /^DENO_VERSION=(.+)$/m.exec(await readRootFile(".ci/run"))?.[1];
  assertEquals(stages, [
    `FROM docker.io/denoland/deno:${version} AS build`,
    "FROM gcr.io/distroless/cc-debian12:nonroot",
  ]);
});

Deno.test("the last stage runs nothing, and takes the binary and an empty folder for data", async () => {
  const stage = await finalStage();
  assert(!stage.some((line) => line.startsWith("RUN ")));
  assertEquals(stage.filter((line) => /^(COPY|ADD) /.test(line)), [
    "COPY --from=build /out/vllm-metrics /usr/local/bin/vllm-metrics",
    "COPY --from=build --chown=65532:65532 /out/data /data",
  ]);
});

Deno.test("the image runs as a user that is not root, given by number", async () => {
  const users = (await finalStage()).filter((line) => line.startsWith("USER "));
  assertEquals(users, ["USER 65532:65532"]);
});

Deno.test("the binary is called without a shell", async () => {
  const calls = (await finalStage()).filter((line) => /^(ENTRYPOINT|CMD) /.test(line));
  assertEquals(calls, ['ENTRYPOINT ["/usr/local/bin/vllm-metrics"]', 'CMD ["serve"]']);
});

Deno.test("the binary has the permissions of serve and no others", async () => {
  const compile = (await instructions()).filter((line) => line.includes("deno compile"));
  assertEquals(compile, [
    "RUN deno compile --lock=deno.lock -P=serve --output /out/vllm-metrics main.ts && mkdir /out/data",
  ]);
  assertEquals(config.permissions.serve, {
    net: true,
    read: true,
    // Where a history file may be.
    write: ["data", "/data", "/var/lib/vllm-metrics"],
    env: true,
  });
});

Deno.test("the labels of the image name it, and its version is the service's", async () => {
  const lines = await instructions();
  const label = lines.find((line) => line.startsWith("LABEL ")) ?? "";
  for (const name of ["title", "description", "version", "licenses"]) {
    assertMatch(label, new RegExp(`org\\.opencontainers\\.image\\.${name}="[^"]+"`));
  }
  const versions = lines.filter((line) => line.startsWith("ARG VERSION="));
  assertEquals(new Set(versions), new Set([`ARG VERSION=${config.version}`]));
});

Deno.test("the build context has what the Containerfile copies, and nothing else", async () => {
  const ignore = await readRootFile(".containerignore");
  assertEquals(await readRootFile(".dockerignore"), ignore);
  const [first, ...allowed] = ignore.split("\n").filter((line) => /^[^#]/.test(line));
  assertEquals(first, "*");
  const copied = (await instructions()).filter((line) => /^COPY (?!--from)/.test(line))
    .flatMap((line) => line.split(" ").slice(1, -1));
  assertEquals(allowed.map((line) => line.slice(1)).sort(), copied.sort());
});
