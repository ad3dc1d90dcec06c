/** Attributes and their values, from OTLP/JSON. */

import type { JsonObject, JsonReader } from "./json_reader.ts";
import { type AnyValue, type KeyValue, MAX_VALUE_DEPTH } from "./model.ts";

/**
 * Reads a list of attributes.
 *
 * @param reader Reads the fields.
 * @param parent The object that has the list.
 * @param name The field with the list.
 * @returns The attributes.
 * @throws {DecodeError} When something has the wrong type.
 */
export function attributesOf(reader: JsonReader, parent: JsonObject, name: string): KeyValue[] {
  return reader.list(parent, name, (attribute) => keyValueOf(reader, attribute, 0));
}

function keyValueOf(reader: JsonReader, attribute: JsonObject, depth: number): KeyValue {
  return {
    key: reader.text(attribute, "key"),
    value: reader.nested(attribute, "value", (value) => valueOf(reader, value, depth)),
  };
}

function valueOf(reader: JsonReader, value: JsonObject, depth: number): AnyValue {
  if (has(value, "stringValue")) return reader.text(value, "stringValue");
  if (has(value, "boolValue")) return reader.bool(value, "boolValue");
  if (has(value, "intValue")) return reader.bigint(value, "intValue");
  if (has(value, "doubleValue")) return reader.double(value, "doubleValue");
  if (has(value, "bytesValue")) return reader.base64(value, "bytesValue");
  if (depth >= MAX_VALUE_DEPTH) {
    if (has(value, "arrayValue") || has(value, "kvlistValue")) {
      reader.fail(`an attribute value nested deeper than ${MAX_VALUE_DEPTH} lists`);
    }
  }
  return reader.nested(
    value,
    "arrayValue",
    (array): AnyValue => reader.list(array, "values", (item) => valueOf(reader, item, depth + 1)),
  ) ?? reader.nested(value, "kvlistValue", (list): AnyValue => ({
    entries: reader.list(list, "values", (entry) => keyValueOf(reader, entry, depth + 1)),
  }));
}

function has(value: JsonObject, name: string): boolean {
  return value[name] !== undefined && value[name] !== null;
}
