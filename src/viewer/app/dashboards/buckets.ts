const WIDTHS_S = [
  1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000,
];
/** About as many points as a chart has room for. */
const WANTED = 96;

/** Microseconds of a time bucket for a stretch of time: a round width that makes at most about a hundred of them. */
export function bucketWidthUs(fromUs: number, toUs: number): number {
  const widthS = Math.max(0, toUs - fromUs) / 1e6 / WANTED;
  const found = WIDTHS_S.find((each) => each >= widthS);
  // Beyond eight years: whole days.
  return (found ?? Math.ceil(widthS / 86_400) * 86_400) * 1e6;
}
