import type { JsonObject } from "../../core/json.ts";
import type { ErrorInfo, SpanEvent, Status } from "../../core/record.ts";
import { compact, isObject, listOfObjects, textOf } from "../json-value.ts";
import type { Bag } from "./bag.ts";
import { NAMES } from "./names.ts";
import { listOf, objectOf, timeOf } from "./values.ts";

const EXCEPTION = ["exception.type", "exception.message", "exception.stacktrace", "exception.escaped"];

/**
 * The events, of which the last `exception` is the error. It is no event any more when it says nothing else: no attribute
 * of its own, no time but the span's end.
 */
export function eventsOf(
  span: JsonObject,
  bag: Bag,
  status: Status,
  endTime: string,
  isOurs: boolean,
): { error: ErrorInfo | undefined; events: SpanEvent[] | undefined } {
  const events: SpanEvent[] = [];
  for (const each of listOf(span["events"])) {
    if (!isObject(each)) continue;
    const attributes = objectOf(each["attributes"]);
    const name = textOf(each["name"]);
    events.push({ name, time: timeOf(each["timeUnixNano"]) ?? endTime, ...(attributes && { attributes }) });
  }
  const at = events.findLastIndex(({ name, attributes = {} }) => {
    return name === "exception" && (attributes["exception.type"] ?? attributes["exception.message"]) !== undefined;
  });
  const exception = at < 0 ? undefined : events[at];
  const isError = isOurs || status.code === "error";
  if (exception !== undefined && isError && saysNothingElse(exception, endTime)) events.splice(at, 1);
  const error = exception !== undefined && isError ? errorOf(exception, bag) : statedError(bag, status, isOurs);
  return { error, events: events.length === 0 ? undefined : events };
}

function saysNothingElse({ time, attributes = {} }: SpanEvent, endTime: string): boolean {
  return time === endTime && Object.keys(attributes).every((name) => EXCEPTION.includes(name));
}

function errorOf({ attributes = {} }: SpanEvent, bag: Bag): ErrorInfo {
  const text = (name: string) => (attributes[name] === undefined ? undefined : textOf(attributes[name]));
  const type = text("exception.type") ?? "Error";
  const errorType = bag.text(NAMES.errorType);
  const causes = bag.any(NAMES.ownErrorCauses);
  const code = bag.text(NAMES.ownErrorCode);
  return compact<ErrorInfo>({
    type,
    message: text("exception.message"),
    stack: text("exception.stacktrace"),
    // Where it is another word than the class, it is a code or a status.
    code: code ?? (isCode(errorType, type) ? errorType : undefined),
    status: bag.number(NAMES.ownErrorStatus),
    causes: listOfObjects(causes) as ErrorInfo["causes"],
  })!;
}

/** Not a class, a status or the word for none. */
function isCode(word: string | undefined, type: string): word is string {
  return word !== undefined && word !== type && /^[a-z][a-z_.-]*$/.test(word);
}

/** Of others, who may say `error.type` alone. */
function statedError(bag: Bag, status: Status, isOurs: boolean): ErrorInfo | undefined {
  if (status.code !== "error" || !bag.has("error.type")) return undefined;
  const type = bag.text(NAMES.errorType);
  if (isOurs || type === undefined) return undefined;
  return { type, ...(status.message !== undefined && { message: status.message }) };
}
