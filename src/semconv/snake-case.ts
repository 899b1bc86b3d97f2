/** The names are those of a record, some hundred, and of what providers count. */
const SNAKE_CASE = new Map<string, string>();
const MAX_NAMES = 1_000;

/** `maxTokens` as `max_tokens`. */
export function snakeCase(name: string): string {
  const known = SNAKE_CASE.get(name);
  if (known !== undefined) return known;
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  if (SNAKE_CASE.size < MAX_NAMES) SNAKE_CASE.set(name, snake);
  return snake;
}
