import type { SpanRecord } from "../../core/record.ts";
import { amount, fieldOf, items, word } from "./values.ts";

/** What an answer is made of, without the answer. */
export interface Answer {
  /** Characters of text that are no blanks; a thousand stand for any number more. */
  readonly textChars: number;
  readonly refusals: number;
  /** Images, files, sound, calls of the provider's own tools: an answer too. */
  readonly others: number;
  readonly calls: readonly CallFacts[];
  /** Of the single messages, where they say one. */
  readonly finishReasons: readonly string[];
}

export interface CallFacts {
  readonly id: string | undefined;
  readonly name: string;
  /** The same for the same arguments; `undefined` when the record does not hold them as they were. */
  readonly key: string | undefined;
  /** The arguments are no JSON, and they should be. */
  readonly isBad: boolean;
}

export interface ToolFacts extends CallFacts {
  /** `function`, `datastore`, `extension`. */
  readonly type: string | undefined;
  /** Characters of the output, blanks counted once; `undefined` when there is none, or when it is no text. */
  readonly outputChars: number | undefined;
  /** Characters of the output as it is. */
  readonly rawChars: number;
  readonly hasOutput: boolean;
  /** The output ends like something cut off: `…`, `[truncated]`. */
  readonly ending: string | undefined;
}

/** Parts looked at in one answer. */
const MAX_PARTS = 1_000;
const MAX_CALLS = 100;
const ENOUGH_TEXT = 1_000;

/** Reads messages in the shape of the conventions, and (with `content` for `parts`) as the API has them. */
export function answerOf({ output, cuts }: SpanRecord, definitions: readonly unknown[]): Answer {
  const answer = { textChars: 0, refusals: 0, others: 0, calls: [] as CallFacts[], finishReasons: [] as string[] };
  let left = MAX_PARTS;
  const custom = new Set(
    definitions.filter((tool) => fieldOf(tool, "type") === "custom").map((tool) => fieldOf(tool, "name")),
  );
  const isDefined = (name: string) => definitions.some((tool) => fieldOf(tool, "name") === name);
  const take = (part: unknown, path: string): void => {
    if (left-- <= 0) return;
    const type = fieldOf(part, "type");
    if (typeof part === "string") answer.textChars += inked(part);
    else if (type === "text") answer.textChars += inked(fieldOf(part, "content") ?? fieldOf(part, "text"));
    else if (type === "refusal") answer.refusals++;
    else if (type === "tool_call") {
      if (answer.calls.length >= MAX_CALLS) return;
      const name = word(fieldOf(part, "name")) ?? "function";
      const given = fieldOf(part, "arguments");
      const isBad = !custom.has(name) && isBadJson(given, isDefined(name));
      answer.calls.push({ id: word(fieldOf(part, "id")), name, key: keyOf(given, cuts, path), isBad });
    } else if (type !== "reasoning") answer.others++;
  };
  for (const [i, message] of (Array.isArray(output) ? output : [output]).entries()) {
    const parts =
      fieldOf(message, "parts") ?? fieldOf(message, "content") ?? (typeof message === "string" ? message : []);
    for (const [j, part] of (Array.isArray(parts) ? parts : [parts]).entries())
      take(part, `output[${i}].parts[${j}].arguments`);
    for (const [j, call] of items(fieldOf(message, "tool_calls")).entries())
      take({ type: "tool_call", ...call, arguments: fieldOf(call, "input") }, `output[${i}].tool_calls[${j}].input`);
    const reason = word(fieldOf(message, "finish_reason"));
    if (reason !== undefined) answer.finishReasons.push(reason);
  }
  return answer;
}

/** Characters that are no blanks, counted up to where it makes no difference. */
function inked(text: unknown): number {
  return typeof text === "string" ? text.slice(0, ENOUGH_TEXT).replace(/\s+/g, "").length : 0;
}

export function toolOf({ genAi, name, input, output, cuts }: SpanRecord): ToolFacts {
  const type = word(genAi?.tool?.type);
  const isFunction = type === undefined || type === "function";
  const cut = items(cuts).find(({ path, reason }: any) => path === "output" && reason === "string");
  const text = typeof output === "string" ? output : undefined;
  const rawChars = Math.max(text?.length ?? 0, amount(cut?.size) ?? 0);
  return {
    id: word(genAi?.tool?.callId),
    name: word(genAi?.tool?.name) ?? word(name) ?? "tool",
    key: keyOf(input, cuts, "input"),
    isBad: isFunction && isBadJson(input, type === "function" && genAi?.openai?.runId !== undefined),
    type,
    outputChars: text ? Math.round((squeezed(text) * rawChars) / text.length) : undefined,
    rawChars,
    hasOutput: output !== undefined && output !== null,
    ending: text === undefined ? undefined : endingOf(text),
  };
}

/** Arguments that could be parsed are no text any more. Some hosts send nothing for a function without parameters. */
function isBadJson(given: unknown, isSurelyFunction: boolean): boolean {
  if (typeof given !== "string" || given.trim() === "") return false;
  // Custom tools take free text, and records do not always tell them from functions.
  return isSurelyFunction || /^\s*[{[]/.test(given);
}

/** A run of blanks is one token or two, however long. */
function squeezed(text: string): number {
  let count = 0;
  let wasBlank = false;
  for (let i = 0; i < text.length; i++) {
    const isBlank = text.charCodeAt(i) <= 32;
    if (!isBlank || !wasBlank) count++;
    wasBlank = isBlank;
  }
  return count;
}

function endingOf(text: string): string | undefined {
  const end = text.slice(-40).trimEnd();
  return /[[(<{]\s*(?:output )?truncated\s*[\])>}]\.*$/i.exec(end)?.[0] ?? /(?:\.\.\.|…)$/.exec(end)?.[0];
}

/** Longer arguments are told apart by a hash, so that no payload stays alive. */
const SHORT = 64;
/** What capture leaves in the place of what it masks and cuts: different values look the same. */
const MARK = /\[(?:redacted|redaction failed|email|phone|card|iban|ip|cut (?:[\d,]+ |object|array|entries))/;

function keyOf(value: unknown, cuts: unknown, path: string): string | undefined {
  if (value === undefined || items(cuts).some((cut) => isWithin(fieldOf(cut, "path"), path))) return undefined;
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  if (MARK.test(text)) return undefined;
  if (text.length <= SHORT) return text;
  let [a, b] = [0x811c9dc5, 0];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // FNV-1a, and a second sum beside it.
    a = Math.imul(a ^ code, 0x01000193);
    b = (Math.imul(b, 31) + code) | 0;
  }
  return `${text.length}:${a >>> 0}:${b >>> 0}`;
}

function isWithin(at: unknown, path: string): boolean {
  return (
    typeof at === "string" && at.startsWith(path) && (at.length === path.length || ".[".includes(at[path.length]!))
  );
}
