/** Attributes and their values, from protobuf (`opentelemetry/proto/common/v1/common.proto`). */

import { type AnyValue, isKeyValueList, type KeyValue, MAX_VALUE_DEPTH } from "./model.ts";
import { NUMBER_BYTES } from "./number_reader.ts";
import type { RequestReader } from "./request_reader.ts";
import { bytesTag, fixed64Tag, varintTag } from "./wire_tags.ts";

// KeyValue. Its field 3 and field 8 of AnyValue are indexes into a table that
// only profiles have.
const KEY = bytesTag(1);
const VALUE = bytesTag(2);

// AnyValue.
const STRING = bytesTag(1);
const BOOL = varintTag(2);
const INT = varintTag(3);
const DOUBLE = fixed64Tag(4);
const ARRAY = bytesTag(5);
const KVLIST = bytesTag(6);
const BYTES = bytesTag(7);

// ArrayValue and KeyValueList.
const VALUES = bytesTag(1);

/** How many attributes of a point are compared with those of the point before. */
const MAX_REPEATED = 32;

/**
 * Reads an attribute to the end of `attributes`. Points of one server repeat
 * their labels: an attribute with the same bytes as the one at the same place
 * before is the same object again, which costs a comparison instead of two texts.
 *
 * @param reader Stands before the attribute.
 * @param attributes Where it goes.
 * @throws {DecodeError} When it is malformed.
 */
export function readAttribute(reader: RequestReader, attributes: KeyValue[]): void {
  const place = attributes.length;
  const tagStart = reader.pos;
  const end = reader.valueEnd();
  const start = reader.pos;
  const before = reader.attributesBefore[place];
  if (before !== undefined && sameBytes(reader.bytes, before.start, before.end, start, end)) {
    reader.pos = end;
    reader.reserve(NUMBER_BYTES);
    attributes.push(before.attribute);
    return;
  }
  reader.pos = tagStart;
  const attribute = reader.message(readKeyValue, { key: "", value: undefined });
  attributes.push(attribute);
  if (place < MAX_REPEATED) reader.attributesBefore[place] = { start, end, attribute };
}

function sameBytes(
  bytes: Uint8Array,
  oneStart: number,
  oneEnd: number,
  otherStart: number,
  otherEnd: number,
): boolean {
  const length = oneEnd - oneStart;
  if (length !== otherEnd - otherStart) return false;
  // Labels tend to differ at their ends: `engine="0"`, `engine="1"`.
  for (let at = length - 1; at >= 0; at--) {
    if (bytes[oneStart + at] !== bytes[otherStart + at]) return false;
  }
  return true;
}

function readKeyValue(reader: RequestReader, tag: number, attribute: KeyValue): void {
  if (tag === KEY) attribute.key = reader.text();
  else if (tag === VALUE) reader.message(readAnyValue, attribute);
}

/** Anything with a value to fill; the last field sent wins, as in every `oneof`. */
interface ValueHolder {
  value: AnyValue;
}

function readAnyValue(reader: RequestReader, tag: number, holder: ValueHolder): void {
  switch (tag) {
    case STRING:
      holder.value = reader.text();
      return;
    case BOOL:
      holder.value = reader.bool();
      return;
    case INT:
      holder.value = reader.int64();
      return;
    case DOUBLE:
      holder.value = reader.double();
      return;
    case BYTES:
      holder.value = reader.slice();
      return;
    case ARRAY: {
      const values = Array.isArray(holder.value) ? holder.value : [];
      deeper(reader, () => reader.message(readArray, values));
      holder.value = values;
      return;
    }
    case KVLIST: {
      const list = isKeyValueList(holder.value) ? holder.value : { entries: [] };
      deeper(reader, () => reader.message(readList, list.entries));
      holder.value = list;
    }
  }
}

function readArray(reader: RequestReader, tag: number, values: AnyValue[]): void {
  if (tag === VALUES) values.push(reader.message(readAnyValue, { value: undefined }).value);
}

function readList(reader: RequestReader, tag: number, entries: KeyValue[]): void {
  if (tag === VALUES) entries.push(reader.message(readKeyValue, { key: "", value: undefined }));
}

function deeper(reader: RequestReader, read: () => void): void {
  if (++reader.valueDepth > MAX_VALUE_DEPTH) {
    reader.fail(`an attribute value nested deeper than ${MAX_VALUE_DEPTH} lists`);
  }
  read();
  reader.valueDepth--;
}
