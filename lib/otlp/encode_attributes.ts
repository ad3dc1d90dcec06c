/** Attributes as JSON. */

import { type AnyValue, isKeyValueList, type KeyValue } from "./model.ts";

/** Writes attributes; one that is the same object as the one at its place before costs nothing. */
export class AttributeEncoder {
  readonly #before: KeyValue[] = [];
  readonly #texts: string[] = [];

  /**
   * Writes a list of attributes.
   *
   * @param attributes The attributes, cleaned.
   * @returns The JSON array.
   */
  list(attributes: KeyValue[]): string {
    let list = "[";
    let place = 0;
    for (const attribute of attributes) {
      let text = this.#texts[place];
      if (text === undefined || this.#before[place] !== attribute) {
        text = attributeText(attribute);
        this.#before[place] = attribute;
        this.#texts[place] = text;
      }
      list += place === 0 ? text : `,${text}`;
      place++;
    }
    return `${list}]`;
  }
}

function attributeText({ key, value }: KeyValue): string {
  return `{"key":${JSON.stringify(key)},"value":${valueText(value)}}`;
}

/** OTLP/JSON: 64-bit integers as text, bytes as base64. */
function valueText(value: AnyValue): string {
  if (typeof value === "string") return `{"stringValue":${JSON.stringify(value)}}`;
  if (typeof value === "boolean") return `{"boolValue":${value}}`;
  if (typeof value === "bigint") return `{"intValue":"${value}"}`;
  if (typeof value === "number") return `{"doubleValue":${value}}`;
  if (value instanceof Uint8Array) return `{"bytesValue":"${value.toBase64()}"}`;
  if (Array.isArray(value)) {
    return `{"arrayValue":{"values":[${value.map(valueText).join(",")}]}}`;
  }
  const entries = isKeyValueList(value) ? value.entries : [];
  return `{"kvlistValue":{"values":[${entries.map(attributeText).join(",")}]}}`;
}
