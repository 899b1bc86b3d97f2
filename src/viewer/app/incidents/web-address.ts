/** Whether a link may lead there: text from elsewhere may be `javascript:…`. */
export function isWebAddress(text: string | undefined): text is string {
  if (text === undefined) return false;
  try {
    return ["http:", "https:"].includes(new URL(text).protocol);
  } catch {
    return false;
  }
}
