import { type Field, MESSAGES } from "../../sinks/otlp/protobuf-fields.ts";

/** `base64`: bytes that are no id. */
type ReadField = readonly [number: number, type: Field[1] | "base64", label?: "repeated" | "optional"];

/** What we write, and what only others do (opentelemetry-proto v1.11.0). */
export const READ_MESSAGES: { readonly [message: string]: { readonly [field: string]: ReadField } } = {
  ...MESSAGES,
  Resource: { ...MESSAGES["Resource"], droppedAttributesCount: [2, "uint32"] },
  InstrumentationScope: {
    ...MESSAGES["InstrumentationScope"],
    attributes: [3, "KeyValue", "repeated"],
    droppedAttributesCount: [4, "uint32"],
  },
  LogRecord: { ...MESSAGES["LogRecord"], droppedAttributesCount: [7, "uint32"] },
  AnyValue: {
    ...MESSAGES["AnyValue"],
    kvlistValue: [6, "KeyValueList"],
    bytesValue: [7, "base64"],
  },
  KeyValueList: { values: [1, "KeyValue", "repeated"] },
};
