/** Arithmetic on 64-bit integers that are numbers as long as they can be. */

import type { Int64 } from "./model.ts";

/** The largest `uint64` and `fixed64`. */
export const MAX_UINT64 = 0xffff_ffff_ffff_ffffn;

/** The largest `int64`, and so the largest count that Parseable's `List<Int64>` holds. */
export const MAX_INT64 = 0x7fff_ffff_ffff_ffffn;

/**
 * Gives an integer as a number if that is exact, else as it is.
 *
 * @param value An integer.
 * @returns The same integer.
 */
export function toInt64(value: bigint): Int64 {
  return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER
    ? Number(value)
    : value;
}

/**
 * Adds two integers exactly.
 *
 * @param one An integer.
 * @param other Another.
 * @returns Their sum.
 */
export function addInt64(one: Int64, other: Int64): Int64 {
  if (typeof one === "number" && typeof other === "number") {
    const sum = one + other;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return toInt64(BigInt(one) + BigInt(other));
}

/**
 * Subtracts an integer from another exactly.
 *
 * @param one An integer.
 * @param other What to take away.
 * @returns Their difference.
 */
export function subtractInt64(one: Int64, other: Int64): Int64 {
  if (typeof one === "number" && typeof other === "number") {
    const difference = one - other;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return toInt64(BigInt(one) - BigInt(other));
}
