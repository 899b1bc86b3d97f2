/**
 * How many of `runs` generated cases a run of the tests looks at: all of them with `WHOLE_TESTS` set, as `npm run test:long`
 * has it, and a third in `npm test`, always the same ones.
 */
export function share(runs: number): number {
  return process.env["WHOLE_TESTS"] ? runs : Math.ceil(runs / 3);
}
