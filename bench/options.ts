/** The options of the bench. */

import { parseArgs } from "node:util";
import { SERVER_NAMES, type ServerName } from "./servers.ts";

/** What to measure, how long and how hard. */
export interface Options {
  /** The servers to measure, in the order of the table. */
  servers: readonly ServerName[];
  /** How often each server is loaded. */
  rounds: number;
  /** Length of one load, in seconds. */
  seconds: number;
  /** Connections at once. */
  connections: number;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new RangeError(`Cannot use --${name} "${text}": not a whole number above 0`);
}

function serverNames(list: string): ServerName[] {
  const words = list.split(",");
  const unknown = words.filter((word) => !SERVER_NAMES.some((name) => name === word));
  if (unknown.length > 0) {
    const known = SERVER_NAMES.join(", ");
    throw new RangeError(`Cannot use --servers "${list}": ${unknown} is none of ${known}`);
  }
  return SERVER_NAMES.filter((name) => words.includes(name));
}

/**
 * Reads the command line.
 *
 * @throws {TypeError} When an option is unknown.
 * @throws {RangeError} When a value cannot be used.
 */
export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      servers: { type: "string", default: SERVER_NAMES.join(",") },
      rounds: { type: "string", default: "3" },
      seconds: { type: "string", default: "3" },
      connections: { type: "string", default: "4" },
    },
  });
  return {
    servers: serverNames(values.servers),
    rounds: positive("rounds", values.rounds),
    seconds: positive("seconds", values.seconds),
    connections: positive("connections", values.connections),
  };
}
