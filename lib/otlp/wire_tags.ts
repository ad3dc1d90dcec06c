/** What stands before each value of a protobuf message. */

/**
 * How a value is written (protobuf encoding guide, "message structure"); 3 and 4,
 * groups, are in no OTLP message.
 */
export const WIRE_TYPE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * Gives the tag of a field that holds a varint.
 *
 * @param field The number of the field.
 * @returns Field number and wire type, as they stand before the value.
 */
export function varintTag(field: number): number {
  return field << 3 | WIRE_TYPE.varint;
}

/**
 * Gives the tag of a field that holds 64 bits: `fixed64`, `sfixed64` or `double`.
 *
 * @param field The number of the field.
 * @returns Field number and wire type, as they stand before the value.
 */
export function fixed64Tag(field: number): number {
  return field << 3 | WIRE_TYPE.fixed64;
}

/**
 * Gives the tag of a field that holds a length and bytes: text, message, packed items.
 *
 * @param field The number of the field.
 * @returns Field number and wire type, as they stand before the value.
 */
export function bytesTag(field: number): number {
  return field << 3 | WIRE_TYPE.bytes;
}
