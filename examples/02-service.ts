// A service class: sync and async methods, a private one, a stream, an error. TC39 decorators.
// The same class under experimentalDecorators is in legacy/02-service.ts.
import { configure, consoleSink, observe, updateSpan, withTrace } from "sightline";

configure({ sinks: [consoleSink()] });

class Library {
  @observe({ type: "agent" })
  async answer(question: string): Promise<string> {
    const pages = await this.search(question);
    updateSpan({ metadata: { pages: pages.length } });
    let text = "";
    for await (const word of this.write(pages)) text += word;
    return text;
  }

  @observe({ type: "retriever" })
  async search(question: string): Promise<string[]> {
    return this.#rank(["decorators", "generators", "traces"], question);
  }

  @observe()
  #rank(pages: string[], question: string): string[] {
    return pages.filter((page) => question.includes(page));
  }

  // The span lasts until the last word; what the body starts nests under it.
  @observe({ type: "generation", model: "tiny-writer" })
  async *write(pages: string[]): AsyncGenerator<string> {
    for (const page of pages) yield `See ${page}. `;
  }

  @observe({ type: "tool" })
  lend = (title: string): never => {
    throw new RangeError(`no copy of "${title}" left`);
  };
}

const library = new Library();
await withTrace({ userId: "ada", tags: ["example"] }, async () => {
  console.log(await library.answer("How do decorators and traces meet?"));
  try {
    library.lend("Traces");
  } catch (error) {
    console.log(String(error));
  }
});
