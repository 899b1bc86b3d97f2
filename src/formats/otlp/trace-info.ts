import type { Json, JsonObject, TraceInfo } from "../../core/record.ts";
import { PREFIXES } from "../../semconv/registry.ts";
import { compact, fromJsonText, isObject, textOf } from "../json-value.ts";
import type { Bag } from "./bag.ts";
import { NAMES } from "./names.ts";

const ENVIRONMENT = ["langfuse.environment", "deployment.environment.name", "deployment.environment"];

/** What a span and its resource say of the whole trace. */
export function traceInfoOf(bag: Bag, resource: Bag, isOurs: boolean): TraceInfo {
  const metadata = traceMetadata(bag);
  const release = bag.text([...NAMES.traceRelease, "langfuse.release"]) ?? resource.text(["langfuse.release"]);
  const version = bag.text(["langfuse.version"]) ?? resource.text(["service.version"]);
  const info = compact<TraceInfo>({
    name: bag.text([...NAMES.traceName, "langfuse.trace.name", "traceloop.workflow.name"]),
    userId: bag.text(["langfuse.user.id", ...NAMES.userId]) ?? take(metadata, ["user_id", "userId"]),
    sessionId: bag.text(["langfuse.session.id", ...NAMES.sessionId]) ?? take(metadata, ["session_id", "sessionId"]),
    tags: tagsOf(bag, metadata),
    metadata: metadata.user,
    feature: bag.text(NAMES.traceFeature),
    team: bag.text(NAMES.traceTeam),
    release,
    // Our resource says the release where a trace has no version.
    version: isOurs && version === release ? undefined : version,
    environment: bag.text(ENVIRONMENT) ?? resource.text(ENVIRONMENT),
    public: bag.flag([...NAMES.tracePublic, "langfuse.trace.public", "langfuse.public"]),
  });
  return info ?? {};
}

interface Metadata {
  user: JsonObject | undefined;
  /** Of SDKs that have no names of their own for users, sessions and tags. */
  readonly associations: Map<string, Json>;
}

function traceMetadata(bag: Bag): Metadata {
  const own = bag.under(PREFIXES.traceMetadata);
  const langfuse = bag.under("langfuse.trace.metadata.");
  const bare = bareObject(bag, "langfuse.trace.metadata");
  const associations = new Map([
    ...Object.entries(bag.under("traceloop.association.properties.") ?? {}),
    ...Object.entries(bag.under("ai.telemetry.metadata.") ?? {}),
  ]);
  const metadata: Metadata = { user: undefined, associations };
  const all = [bare, langfuse, own].flatMap((each) => Object.entries(each ?? {}));
  const known = new Set(["user_id", "userId", "session_id", "sessionId", "tags"]);
  for (const [name, value] of associations) if (!known.has(name)) all.push([name, value]);
  if (all.length > 0) metadata.user = Object.fromEntries(all.map(([name, value]) => [name, fromJsonText(value)]));
  return metadata;
}

function take({ associations }: Metadata, names: readonly string[]): string | undefined {
  const name = names.find((each) => associations.has(each));
  return name === undefined ? undefined : textOf(associations.get(name));
}

export function bareObject(bag: Bag, name: string): JsonObject | undefined {
  const given = bag.peek(name);
  const value = given === undefined ? undefined : fromJsonText(given);
  if (!isObject(value)) return undefined;
  bag.drop([name]);
  return value;
}

/** A list, or its JSON, or names with commas between. */
function tagsOf(bag: Bag, { associations }: Metadata): readonly string[] | undefined {
  const given =
    bag.any([...NAMES.traceTags, "langfuse.trace.tags", "langfuse.tags", "tag.tags"]) ?? associations.get("tags");
  if (given === undefined) return undefined;
  const list = fromJsonText(given);
  if (Array.isArray(list)) return list.map(textOf);
  return textOf(list)
    .split(",")
    .map((tag) => tag.trim());
}
