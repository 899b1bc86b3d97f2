import { toMillis } from "../core/clock.ts";
import { oneLine } from "../core/one-line.ts";
import type { Cost, SpanRecord } from "../core/record.ts";
import { costWithImages } from "./image-tool.ts";
import type { PriceBook, PriceRequest } from "./price-book.ts";

/** Models that a warning names, at most: names come from payloads, and a gateway may have any number. */
const MAX_WARNINGS = 100;
const MAX_NAME = 100;

/** A price book for records. Says once for each model that it has no price; a cost is never made up. */
export interface RecordPrices {
  prepare?(): void;
  costOf(record: SpanRecord): Cost | undefined;
}

/**
 * @param clean takes credentials out of texts that come from payloads
 * @param say writes a line for whoever runs the program
 */
export function recordPrices(
  book: PriceBook,
  clean: (text: string) => string,
  say: (line: string) => void,
): RecordPrices {
  const warned = new Set<string>();
  let hasFailed = false;
  const shown = (text: unknown): string => oneLine(clean(String(text)), MAX_NAME);

  const warn = (record: SpanRecord, reason: string | undefined): void => {
    const model = modelOf(record) ?? "";
    if (hasFailed || warned.size > MAX_WARNINGS || warned.has(model)) return;
    warned.add(model);
    if (warned.size > MAX_WARNINGS) {
      say("no price for more models than are named here; stats().unpriced counts their calls.");
      return;
    }
    const name = model === "" ? "model calls that name no model" : JSON.stringify(shown(model));
    const provider = record.genAi?.provider === undefined ? "" : ` of ${shown(record.genAi.provider)}`;
    const why = reason === undefined ? "" : ` (${shown(reason)})`;
    say(
      `no price for ${name}${provider}${why}: no cost is recorded. To state one: configure({ prices: [staticPrices(…), genaiPrices()] }).`,
    );
  };

  return {
    ...(book.prepare !== undefined && {
      prepare() {
        try {
          book.prepare!();
        } catch (error) {
          hasFailed = true;
          say(`no prices, so no cost is recorded: ${shown((error as Error)?.message ?? error)}`);
        }
      },
    }),
    costOf(record) {
      const request = requestOf(record);
      let reason: string | undefined;
      const imageModel = record.genAi?.openai?.imageModel;
      const cost = request && costWithImages(book, request, imageModel, (why) => (reason = why));
      if (cost === undefined) warn(record, reason);
      return cost;
    },
  };
}

/** The model that answered: a deployment on Azure may have any name, and `gpt-4o` is another model next year. */
function modelOf({ genAi }: SpanRecord): string | undefined {
  return genAi?.responseModel || genAi?.requestModel;
}

function requestOf(record: SpanRecord): PriceRequest | undefined {
  const model = modelOf(record);
  if (model === undefined || model === "") return undefined;
  const { provider, openai } = record.genAi!;
  const serviceTier = openai?.serviceTier ?? openai?.requestServiceTier;
  return {
    model: String(model),
    usage: record.usage!,
    at: toMillis(record.startTime),
    ...(provider !== undefined && { provider: String(provider) }),
    ...(serviceTier !== undefined && serviceTier !== null && { serviceTier: String(serviceTier) }),
  };
}
