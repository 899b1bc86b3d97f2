import { wordsOf } from "./words.ts";

/** Words so common that any two sentences of a language say which it is; as they say nothing, relevance leaves them out. */
const COMMON: { readonly [language: string]: string } = {
  en: "the of and to in is that it for was on are as with his they at be this have from or had by not but what all were we when your can said there use an each which she do how their if will up about out them then these so some her would make like him into has with you our who been could did its only also than just more very my me i a no he does should may where why because",
  de: "der die das und ist in den von zu mit sich des auf für nicht ein eine dem im es auch als an werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war waren haben nur oder aber vor zur bis mehr durch man kann ich wir ihr mir mich du was wenn ja nein sehr wurde diese dieser dieses kein keine bitte",
  fr: "le la les de des du et est un une en que qui dans pour pas sur ce il ne se plus par au avec son sa ses ou mais nous vous ils elle elles je tu on cette ces leur être avoir fait tout comme aux été sont était d l c s n qu j y a à où si même aussi très",
  es: "el la los las de que y en un una es por con no para se del al lo como más pero sus su le ya o este esta sí porque entre cuando muy sin sobre también me hasta hay donde quien desde todo nos durante uno ni ese eso mi qué fue son está ser tiene",
  pt: "o a os as de que e em um uma é por com não para se do da dos das no na nos nas ao como mais mas sua seu ou ser quando muito há já está eu também só pelo pela até isso ela ele entre depois sem mesmo aos seus quem foi são você",
  it: "il lo la i gli le di che e è un una in per con non si del della dei delle al alla da nel nella come più ma o anche se sono ha questo questa ci sua suo essere molto io tu noi lui lei loro perché quando dove chi cosa hanno era dal dalla sul sulla",
  nl: "de het een en van in is dat op te zijn met voor niet aan er om ook als dan maar bij uit nog naar heeft ik je wij hij ze dit die wordt werd door over tot kan deze hun had was wat zo hebben mijn worden geen",
  sv: "och i att det som en på är av för med den till inte har de ett om hade men var jag så vi från man när kan han hon nu eller också efter vid skulle sig under mycket vara finns detta denna dessa du ska",
  pl: "i w na z do się nie to jest że o jak po co ale za od tak dla by już czy był było są przez tym ten ta jego jej ich być może tylko oraz które który która przy bardzo gdy jeszcze",
  tr: "ve bir bu da de için ile çok ne o gibi daha olarak var ama olan ben sen biz kadar sonra en mi mı değil her şey şu olduğu veya ya ki nasıl bunu onun tarafından",
  vi: "và là của có không cho các được trong một này với những để người khi đến về từ như đã tôi bạn cũng sẽ ra nhưng rất hay thì vào trên",
  ru: "и в не на что я с он как это по но они к у же за из от бы вы так мы ты её его для о то при или если когда только был была были есть ещё уже может чтобы до где кто все также",
  uk: "і в не на що я з він як це по але вони до у та за із від би ви так ми ти її його для про то при або якщо коли тільки був була були є ще вже може щоб де хто всі також",
};

const WORDS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(COMMON).map(([language, words]) => [language, new Set(words.split(" "))]),
);
const ALL: ReadonlySet<string> = new Set([...WORDS.values()].flatMap((words) => [...words]));
const CYRILLIC = ["ru", "uk"];
const LATIN = [...WORDS.keys()].filter((language) => !CYRILLIC.includes(language));

/** Letters that say the language at once, because few others have them. Kana before Han: Japanese has both. */
const SCRIPTS: readonly (readonly [language: string, letters: RegExp])[] = [
  ["ja", /[\p{Script=Hiragana}\p{Script=Katakana}]+/gu],
  ["zh", /\p{Script=Han}+/gu],
  ["ko", /\p{Script=Hangul}+/gu],
  ["el", /\p{Script=Greek}+/gu],
  ["he", /\p{Script=Hebrew}+/gu],
  ["fa", /[پچژگ]+/gu],
  ["ar", /\p{Script=Arabic}+/gu],
  ["hi", /\p{Script=Devanagari}+/gu],
  ["th", /\p{Script=Thai}+/gu],
];

/** Characters that are read: languages show at once. */
const READ = 2_000;
/** Common words that are the least to go by, and how many times as many as of the next likely language. */
const MIN_COMMON = 2;
const MARGIN = 1.5;

/** True for words that say nothing on their own, in any of the languages known here. */
export function isCommon(word: string): boolean {
  return ALL.has(word);
}

/**
 * The language of a text by its script, or by its common words: ISO 639-1. `undefined` when that is not clear: too short, two
 * languages at once, or one that is not known here. Code between fences is left out.
 */
export function languageOf(text: string): string | undefined {
  const read = withoutCode(text).slice(0, READ);
  const letters = count(read, /\p{L}+/gu);
  if (letters === 0) return undefined;
  for (const [language, of] of SCRIPTS) {
    // Persian shows by a few letters among Arabic ones; Japanese by kana among Han.
    const share = language === "fa" || language === "ja" ? 0.02 : 0.5;
    if (count(read, of) > share * letters && (share === 0.5 || isMostly(read, language, letters))) return language;
  }
  if (count(read, /\p{Script=Cyrillic}+/gu) > letters / 2) return byWords(read, CYRILLIC);
  return count(read, /\p{Script=Latin}+/gu) > letters / 2 ? byWords(read, LATIN) : undefined;
}

function isMostly(text: string, language: string, letters: number): boolean {
  const script =
    language === "ja" ? /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]+/gu : /\p{Script=Arabic}+/gu;
  return count(text, script) > letters / 2;
}

function byWords(text: string, among: readonly string[]): string | undefined {
  const words = wordsOf(text);
  const hits = among.map((language) => {
    const common = WORDS.get(language)!;
    return { language, hits: words.filter((word) => common.has(word)).length };
  });
  hits.sort((a, b) => b.hits - a.hits);
  const [first, second] = hits as [{ language: string; hits: number }, { hits: number }];
  return first.hits >= MIN_COMMON && first.hits >= MARGIN * second.hits ? first.language : undefined;
}

/** Without what stands between fences; what is never closed is code to the end. */
export function withoutCode(text: string): string {
  return text
    .split("```")
    .filter((_, at) => at % 2 === 0)
    .join("\n");
}

function count(text: string, letters: RegExp): number {
  let found = 0;
  for (const run of text.match(letters) ?? []) found += run.length;
  return found;
}
