#!/usr/bin/env node
// Starts the bundled program with the Deno of the npm package "deno", whose version is pinned.
"use strict";

const { spawn } = require("node:child_process");
const { join } = require("node:path");
const process = require("node:process");
// Finds the binary also where npm ran no install script, or in a folder that this user cannot write.
const deno = require("deno/install_api.cjs").runInstall();

// The permissions of the service. "provision" may also write files, for --export.
const SERVE = "@SERVE@".split(" ");
const CLI = "@CLI@".split(" ");

const args = process.argv.slice(2);
const options = args[0] === "provision" ? CLI : SERVE;
const child = spawn(deno, [...options, join(__dirname, "vllm-metrics.js"), ...args], {
  stdio: "inherit",
  env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
});

process.on("SIGTERM", () => child.kill("SIGTERM"));
for (const signal of ["SIGINT", "SIGHUP", "SIGQUIT"]) {
  process.on(signal, () => {
    // A terminal sends these to the child too; a second one would skip its graceful stop.
    if (!process.stdin.isTTY) child.kill(signal);
  });
}
child.on("error", (error) => {
  process.stderr.write(`vllm-metrics: cannot start Deno at "${deno}": ${error.message}\n`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
