/** The state of one capture, its account of what was left out, and how its texts are bounded and masked. */

import { grouped } from "../core/grouped.ts";
import type { Cut, Json } from "../core/record.ts";
import type { Limits } from "./limits.ts";
import { REDACTION_FAILED, type Redactor } from "./redact.ts";
import { dataUri, shorten, withoutBase64 } from "./strings.ts";

export type Key = string | number;

/** A container whose entries are still to be copied from `source` to `target`. */
export interface Frame {
  readonly source: object;
  readonly target: Json[] | { [key: string]: Json };
  readonly parent: Frame | undefined;
  readonly key: Key;
  readonly depth: number;
  readonly fill: (walk: Walk, frame: Frame) => void;
}

export interface Walk {
  readonly limits: Limits;
  readonly redactor: Redactor | undefined;
  /** The record field, where the paths in `cuts` start. */
  readonly root: string;
  readonly frames: Frame[];
  readonly cuts: Cut[];
  nodes: number;
  names: number;
  /** Characters of the texts in the copy, before masking. */
  characters: number;
  /** Characters read beyond those: margins of cuts, and what was read twice. */
  extra: number;
}

export function startWalk(root: string, limits: Limits, redactor: Redactor | undefined): Walk {
  return { limits, redactor, root, frames: [], cuts: [], nodes: 1, names: 0, characters: 0, extra: 0 };
}

/** Lists a cut, while there are few. */
export function cut(walk: Walk, parent: Frame | undefined, key: Key, reason: Cut["reason"], size?: number): void {
  if (walk.cuts.length >= walk.limits.cuts) return;
  const path = parent === undefined ? walk.root : pathOf(parent, walk.root) + step(key);
  walk.cuts.push(size === undefined ? { path, reason } : { path, reason, size });
}

/** `root.messages[3].content` */
export function pathOf(frame: Frame, root: string): string {
  const steps: string[] = [];
  for (let at = frame; at.parent !== undefined; at = at.parent) steps.push(step(at.key));
  return root + steps.reverse().join("");
}

function step(key: Key): string {
  return typeof key === "number" ? `[${key}]` : `.${key}`;
}

/** How many of a container's entries the limits leave room for. */
export function room(walk: Walk, count: number, nodesEach: number): number {
  const left = Math.ceil((walk.limits.nodes - walk.nodes) / nodesEach);
  const kept = Math.min(count, walk.limits.entries, Math.max(0, left));
  walk.nodes += kept * nodesEach;
  return kept;
}

export function rest(walk: Walk, frame: Frame, kept: number, count: number): void {
  if (kept === count) return;
  note(frame, `[cut ${grouped(count - kept)} of ${grouped(count)} entries]`);
  cut(walk, frame.parent, frame.key, kept === walk.limits.entries ? "entries" : "nodes", count);
}

/** Says in the copy itself what is not there. */
export function note(frame: Frame, text: string): void {
  if (Array.isArray(frame.target)) frame.target.push(text);
  else frame.target["…"] = text;
}

/** One string as the copy has it. */
export function text(walk: Walk, value: string, parent: Frame | undefined, key: Key): string {
  const { limits, redactor } = walk;
  const { length } = value;
  if (length > limits.read) {
    const shown = `[cut ${grouped(length)} characters]`;
    cut(walk, parent, key, "string", length);
    walk.characters += shown.length;
    return shown;
  }
  if (length > limits.base64 || length > limits.string || walk.characters + length > limits.characters) {
    return longText(walk, value, parent, key);
  }
  walk.characters += length;
  if (redactor === undefined) return value;
  const masked = redactor.text(value);
  if (masked === REDACTION_FAILED) cut(walk, parent, key, "redaction_failed");
  return masked;
}

function longText(walk: Walk, value: string, parent: Frame | undefined, key: Key): string {
  const { limits, redactor } = walk;
  const { length } = value;
  if (length > limits.read) {
    const shown = `[cut ${grouped(length)} characters]`;
    cut(walk, parent, key, "string", length);
    walk.characters += shown.length;
    return shown;
  }
  const uri = dataUri(value, limits);
  if (uri !== undefined) {
    cut(walk, parent, key, "bytes", Math.floor((length * 3) / 4));
    walk.characters += uri.length;
    return uri;
  }
  const room = limits.characters - walk.characters;
  if (length > limits.short && room < 2 * limits.short) {
    cut(walk, parent, key, "bytes", length);
    return `[cut ${grouped(length)} characters]`;
  }
  const keep = Math.min(limits.string, room);
  const fits = length <= Math.max(keep, limits.short);
  let isWhole = fits;
  let failed = false;
  walk.characters += Math.min(length, keep);
  walk.extra -= Math.min(length, keep);
  const clean = (part: string): string => {
    walk.extra += part.length;
    const lean = withoutBase64(part, limits);
    if (lean !== part) isWhole = false;
    const masked = redactor === undefined ? lean : redactor.text(lean);
    if (masked === REDACTION_FAILED) failed = true;
    return masked;
  };
  const kept = fits ? clean(value) : shorten(value, keep, limits, clean);
  if (!isWhole) cut(walk, parent, key, keep < limits.string ? "bytes" : "string", length);
  if (failed) cut(walk, parent, key, "redaction_failed");
  return kept;
}

/** A property name as the copy has it: bounded, and masked where it is cut, as half a secret is not known for one. */
export function longName(walk: Walk, frame: Frame, name: string): string {
  const { limits, redactor } = walk;
  const room = limits.characters - walk.characters;
  const keep = Math.min(limits.name, room);
  if (name.length > keep && room < 2 * limits.short) {
    const shown = `[cut ${grouped(name.length)} characters]`;
    cut(walk, frame, shown, "bytes", name.length);
    walk.characters += shown.length;
    return shown;
  }
  walk.characters += Math.min(keep, name.length);
  if (name.length <= keep) return name;
  const clean = (part: string): string => {
    walk.extra += part.length;
    return redactor === undefined ? part : redactor.text(part);
  };
  // Without its end: that of a private key bears no mark any more.
  const shown = shorten(name, keep, { ...limits, tail: 0, margin: limits.name }, clean);
  cut(walk, frame, shown, "string", name.length);
  return shown;
}
