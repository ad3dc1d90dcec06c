/**
 * `deno task package`: writes the npm package (`dist/vllm-metrics-VERSION.tgz`) and the Python
 * wheel. Needs `npm`. Its arguments are options for `deno bundle`.
 */

import { bundleProgram, DIST, PROGRAM, report, run } from "./package_program.ts";
import { writeNpmFolder } from "./package_npm.ts";
import { writeWheel } from "./package_wheel.ts";

if (import.meta.main) {
  await bundleProgram(Deno.args);
  await writeNpmFolder(PROGRAM, `${DIST}/npm`);
  const packed = await run("npm", [
    "pack",
    "--silent",
    "--pack-destination",
    DIST,
    `./${DIST}/npm`,
  ]);
  await report(`${DIST}/${packed}`);
  await report(await writeWheel(PROGRAM, DIST));
}
