// The class of ../02-service.ts under `experimentalDecorators`: the same decorator, the other protocol.
// A decorated field throws here, as its value is out of a decorator's sight: `fields: true` on the class sees it.
import { configure, consoleSink, observe, updateSpan, withTrace } from "sightline";

configure({ sinks: [consoleSink()] });

@observe({ fields: true, type: "tool" })
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
    return ["decorators", "generators", "traces"].filter((page) => question.includes(page));
  }

  @observe({ type: "generation", model: "tiny-writer" })
  async *write(pages: string[]): AsyncGenerator<string> {
    for (const page of pages) yield `See ${page}. `;
  }

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
