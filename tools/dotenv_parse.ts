/** Stands for `@std/dotenv/parse` where JSR does not answer: no npm package carries that module. */

export { parseEnv as parse } from "node:util";
