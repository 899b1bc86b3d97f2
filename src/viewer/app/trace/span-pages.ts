import type { Page, SpanRow } from "../../../store/trace-store.ts";

interface ReadPage {
  readonly after: string;
  readonly next: string | undefined;
  /** Whether a span in it had not ended when it was read. */
  readonly hasOpen: boolean;
}

/** The pages of a trace after the first, which comes with the trace itself. `next` is that of the first page. */
export interface SpanPages {
  /** One page after the other. */
  all(next: string | undefined): AsyncGenerator<readonly SpanRow[]>;
  /**
   * Those in which something will have changed: with spans that had not ended, and from the last one on. Spans that came
   * late and began early are in others: who misses any reads all.
   */
  again(next: string | undefined): AsyncGenerator<readonly SpanRow[]>;
}

export function spanPages(read: (after: string) => Promise<Page<SpanRow>>): SpanPages {
  let pages: readonly ReadPage[] = [];
  const readOne = async (after: string) => {
    const { items, next } = await read(after);
    return { items, page: { after, next, hasOpen: items.some(({ unfinished }) => unfinished) } };
  };
  async function* from(next: string | undefined, before: readonly ReadPage[]): AsyncGenerator<readonly SpanRow[]> {
    let known = before;
    for (let after = next; after !== undefined; ) {
      const { items, page } = await readOne(after);
      pages = known = [...known, page];
      after = page.next;
      yield items;
    }
  }
  return {
    async *all(next) {
      pages = [];
      yield* from(next, []);
    },
    async *again(next) {
      const last = pages.at(-1);
      for (const known of pages.slice(0, -1).filter(({ hasOpen }) => hasOpen)) {
        const { items, page } = await readOne(known.after);
        pages = pages.map((each) => (each === known ? page : each));
        yield items;
      }
      yield* from(last?.after ?? next, pages.slice(0, -1));
    },
  };
}
