/** For esbuild: `@pydantic/genai-prices` as it is bundled, with the data that prices need, as JSON. */
import { readFile } from "node:fs/promises";
import { waitForUpdate } from "@pydantic/genai-prices";

/** What only people read, and how to find usage in answers, which we do ourselves: two fifths of the data. */
const UNUSED = ["name", "description", "price_comments", "pricing_urls", "extractors", "context_window", "deprecated"];
const LITERAL = /^const (\w+) = \[$[\s\S]+?^\]/m;

export const bundledPrices = {
  name: "bundled-prices",
  setup({ onLoad }) {
    onLoad({ filter: /genai-prices[\\/]dist[\\/]index\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      if (!LITERAL.test(source))
        return { errors: [{ text: "the data of @pydantic/genai-prices is not where it was" }] };
      const data = JSON.stringify(await waitForUpdate(), (key, value) => (UNUSED.includes(key) ? undefined : value));
      return { contents: source.replace(LITERAL, (_, name) => `const ${name} = JSON.parse(${JSON.stringify(data)})`) };
    });
  },
};
