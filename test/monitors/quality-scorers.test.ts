import assert from "node:assert/strict";
import { test } from "node:test";
import { Ajv } from "ajv";
import fc from "fast-check";
import { ConfigError } from "../../src/core/errors.ts";
import { givenBaseline, learnedBaseline } from "../../src/monitors/quality/baseline.ts";
import { consistency } from "../../src/monitors/quality/consistency.ts";
import { type Drift, driftOf } from "../../src/monitors/quality/drift.ts";
import { driftReadings, driftStreams } from "../../src/monitors/quality/drift-streams.ts";
import { golden } from "../../src/monitors/quality/golden.ts";
import { grounding } from "../../src/monitors/quality/grounding.ts";
import { hedging } from "../../src/monitors/quality/hedging.ts";
import { jsonFormat } from "../../src/monitors/quality/json-format.ts";
import { jsonSchema } from "../../src/monitors/quality/json-schema.ts";
import { languageOf } from "../../src/monitors/quality/language.ts";
import { languageMatch } from "../../src/monitors/quality/language-match.ts";
import { lexicalOverlap } from "../../src/monitors/quality/lexical-overlap.ts";
import { markdownFormat } from "../../src/monitors/quality/markdown-format.ts";
import { normalScore } from "../../src/monitors/quality/normal-score.ts";
import { refusal } from "../../src/monitors/quality/refusal.ts";
import { repetition } from "../../src/monitors/quality/repetition.ts";
import { verdictOf } from "../../src/monitors/quality/scorer.ts";
import { textLength } from "../../src/monitors/quality/text-length.ts";
import { numbersOf, sentencesOf, wordsOf } from "../../src/monitors/quality/words.ts";
import { anyCharacter } from "../support/any-character.ts";
import { assertQuick, scorers } from "../support/hostile-scorers.ts";
import { answer, COURSE, scoreOf } from "./quality-samples.ts";

test("words, sentences and numbers are found in any script", () => {
  assert.deepEqual(wordsOf("Grüße, it's ПРИВЕТ! ①"), ["grüße", "it", "s", "привет", "1"]);
  assert.deepEqual(wordsOf("東京タワー"), ["東京", "京タ", "タワ", "ワー"]);
  const sentences: [string, number][] = [
    ["", 1],
    ["One. Two! Three?", 3],
    ["It grew by 3.5 percent.", 1],
    ["今日は晴れです。明日は雨です。", 2],
    ["no end", 1],
    ["a heading\n\na line... and on", 3],
    ["...", 1],
  ];
  for (const [text, count] of sentences) assert.equal(sentencesOf(text), count, text);
  const numbers: [string, string[]][] = [
    ["1,234.50 and 1.234,50 and 1234.5", ["1234.5", "1234.5", "1234.5"]],
    ["1,234,567 or 1\u202f234\u202f567", ["1234567", "1234567"]],
    ["0.10, 007, ٣٫٥", ["0.1", "7", "٣", "٥"]],
  ];
  for (const [text, values] of numbers)
    assert.deepEqual(
      numbersOf(text).map(({ value }) => value),
      values,
      text,
    );
});

test("JSON is what a parser takes", () => {
  const cases: [string, number][] = [
    ['{"x": 1}', 1],
    ["[]", 1],
    [' \n{"a":"é"}\n', 1],
    ['{"x": 1', 0],
    ['Here you are: {"x": 1}', 0],
    ['```json\n{"x": 1}\n```', 0],
    ['"yes"', 0],
    ["", 0],
  ];
  for (const [text, value] of cases) assert.equal(scoreOf(jsonFormat(), answer(text)), value, text);
  assert.equal(scoreOf(jsonFormat({ allowFence: true }), answer('```json\n{"x": 1}\n```')), 1);
  assert.equal(scoreOf(jsonFormat({ structured: false }), answer('"yes"')), 1);
  assert.equal(scoreOf(jsonFormat(), answer('{"x": 1', { isCut: true })), undefined);
});

test("a schema is asked by ajv's own function, and its reason is told without the answer", () => {
  const schema = { type: "object", required: ["total"], properties: { total: { type: "number" } } };
  const scorer = jsonSchema(new Ajv().compile(schema));
  assert.equal(scorer.score(answer('{"total": 3}')), 1);
  assert.deepEqual(scorer.score(answer('{"total": "three"}')), { value: 0, reason: "/total must be number" });
  assert.equal(scoreOf(scorer, answer("no JSON")), 0);
  assert.throws(() => jsonSchema({} as never), ConfigError);
});

test("markdown is read by a parser: a number sign within code is no heading", async () => {
  const scorer = markdownFormat();
  const value = async (text: string) => {
    const verdict = await scorer.score(answer(text));
    return typeof verdict === "object" ? verdict.value : verdict;
  };
  assert.equal(await value("# Title\n\n- one\n- two"), 1);
  assert.equal(await value("# Title\n\nplain"), 0.5);
  assert.equal(await value("```sh\n# no title\n```"), 0);
  const sections = markdownFormat({ sections: ["Summary", "Next steps"] });
  assert.deepEqual(await sections.score(answer("## summary of it\n\nIt went well.")), {
    value: 0.5,
    reason: 'without the section "Next steps"',
  });
  const own = markdownFormat({ lists: false, lexer: () => [{ type: "heading", text: "x" }] });
  assert.equal(own.score(answer("anything")), 1);
  assert.throws(() => markdownFormat({ headings: false, lists: false }), /nothing to look for/);
});

test("length falls off outside of its bounds", () => {
  const scorer = textLength({ minWords: 4, maxWords: 8 });
  assert.equal(scoreOf(scorer, answer("one two")), 0.5);
  assert.equal(scoreOf(scorer, answer("one two three four five")), 1);
  assert.equal(scoreOf(scorer, answer("word ".repeat(16))), 0.5);
  assert.equal(scoreOf(scorer, answer("one", { isCut: true })), undefined);
  assert.equal(scoreOf(textLength(), answer("")), 0);
  assert.throws(() => textLength({ minWords: 5, maxWords: 4 }), /minWords 5/);
});

test("lexical overlap finds the words of the question in any language, and judges no question without any", () => {
  const overlap = (input: string, output: string) => scoreOf(lexicalOverlap(), answer(output, { input }));
  assert.equal(overlap("Wie hoch waren die Rechnungen im März?", "Im März lag die Rechnung bei 40 Euro."), 1);
  assert.equal(overlap("Сколько стоят билеты в Москву?", "Билет до Москвы стоит тысячу рублей."), 0.75);
  assert.equal(overlap("東京の天気は？", "東京の天気は晴れです。"), 1);
  assert.equal(overlap("Explain photosynthesis to children", "Bake the cake for an hour."), 0);
  assert.equal(overlap("Hi", "Hello there"), undefined);
  assert.equal(overlap("", "Hello there"), undefined);
  assert.equal(overlap("Summarize revenue growth", ""), 0);
});

test("hedging hears the manner of speaking in four languages, and none in others", () => {
  const heard = (text: string) => scoreOf(hedging(), answer(text));
  assert.equal(heard("It may be about this, and it could be that. This is probably so."), 1);
  assert.ok(heard("This is always so, and it will never be that. It is definitely all of it.")! < 0.5);
  assert.ok(heard("Das ist immer so und wird definitiv nie anders. Das ist zweifellos die Wahrheit.")! < 0.5);
  assert.ok(heard("C'est toujours le cas et cela ne sera jamais autre. Tout le monde sait que c'est vrai.")! < 0.7);
  assert.equal(heard("これは常に正しいです。"), undefined);
  assert.equal(heard(""), undefined);
  // The course found "all" in "challenges".
  const innocent = "They will face challenges, and overall it is hard for them to do so.";
  assert.equal(heard(innocent), 1);
  const italian = hedging({ markers: { it: { hedges: ["forse"], absolutes: ["sempre", "mai"] } } });
  assert.ok(scoreOf(italian, answer("Questo è sempre così e non sarà mai diverso, non c'è altro."))! < 0.5);
});

test("grounding finds figures and quotations that nobody gave", () => {
  const grounded = (output: string, context: string) => scoreOf(grounding(), answer(output, { context }));
  const source = 'Revenue was 1,234.50 EUR in 2025, up 15 %. The CEO said: "We are not done yet."';
  assert.equal(grounded("In 2025 it was 1234.5 EUR, a plus of 15%.", source), 1);
  assert.equal(grounded("In 2026 it was 1234.5 EUR.", source), 0.5);
  assert.equal(grounded('He said "we are not done yet" and «we are rich».', source), 0.5);
  assert.equal(grounded("It went well.", source), undefined);
  assert.equal(grounded("It was 2025.", ""), undefined);
  assert.equal(
    scoreOf(grounding({ sources: ({ input }) => input }), answer("It was 2025.", { context: "2025", input: "When?" })),
    0,
  );
});

test("consistency holds an answer against those that the same question got", () => {
  const scorer = consistency();
  const ask = (input: string, output: string, feature = "tutor") => scoreOf(scorer, answer(output, { input, feature }));
  const question = "How do I reset the password of my account?";
  const reply = "Open the settings, choose security, and press the button that resets your password.";
  assert.equal(ask(question, reply), undefined);
  assert.equal(ask("how do I reset the password of my account", reply), 1);
  assert.ok(ask(question, "Bananas are yellow when they are ripe, and green before.")! < 0.3);
  assert.equal(ask(question, reply, "other feature"), undefined);
  assert.equal(ask("What is 17 + 25 in total?", "42 it is"), undefined);
  assert.equal(ask("What is 17 + 26 in total?", "43 it is"), undefined, "other numbers, another question");
});

test("consistency remembers a bounded number of questions", () => {
  const scorer = consistency({ remember: 3 });
  const ask = (input: string) => scoreOf(scorer, answer("the same answer", { input }));
  ask("first question about trees");
  for (const each of ["second one about cars", "third one regarding houses", "fourth concerning music"]) ask(each);
  assert.equal(ask("first question about trees"), undefined);
  assert.equal(ask("fourth concerning music"), 1);
});

test("a golden set is compared as it says", () => {
  const set = [{ input: "Solve 3x + 11 = 14.", expected: "x = 1" }];
  const compared = (
    by: "exact" | "normalised" | "levenshtein" | "token_f1",
    output: string,
    input = "solve 3x + 11 = 14",
  ) => scoreOf(golden(set, { by }), answer(output, { input }));
  assert.equal(compared("exact", "x = 1"), 1);
  assert.equal(compared("exact", "X = 1."), 0);
  assert.equal(compared("normalised", "X = 1."), 1);
  assert.equal(compared("levenshtein", "x = 2"), 0.8);
  assert.equal(compared("token_f1", "The answer: x = 1"), 2 / 3);
  assert.equal(compared("exact", "x = 1", "another question"), undefined);
  assert.equal(scoreOf(golden([]), answer("a b", { expected: "a b" })), 1);
  assert.throws(() => golden(set, { by: "magic" as never }), /by "magic"/);
  assert.throws(() => golden([{ input: "q" }] as never), /entry 0/);
});

test("refusals are found by the record and by their words", () => {
  const refused = (text: string, part = {}) => scoreOf(refusal(), answer(text, part));
  for (const text of [
    "I'm sorry, but I can't help with that.",
    "I’m unable to share this.",
    "Es tut mir leid, aber ich kann dir dabei nicht helfen.",
    "Je suis désolé, mais je ne peux pas répondre.",
    "Lo siento, pero no puedo ayudar con eso.",
    "К сожалению, я не могу это сделать.",
    "申し訳ありませんが、お手伝いできません。",
    "抱歉，我无法回答。",
  ]) {
    assert.equal(refused(text), 1, text);
  }
  assert.equal(refused("x = 1"), 0);
  assert.equal(refused(`${"The manual says so. ".repeat(30)}I can't help with that.`), 0);
  assert.equal(refused("", { isRefused: true }), 1);
  assert.equal(refused("half an ans", { finishReasons: ["content_filter"] }), 1);
  assert.equal(refused(""), undefined);
  assert.equal(refusal().higherIsBetter, false);
  assert.equal(scoreOf(refusal({ phrases: ["outside my remit"] }), answer("That is outside my remit.")), 1);
});

test("a model that runs in circles repeats itself, prose does not", () => {
  const repeated = (text: string) => scoreOf(repetition(), answer(text));
  assert.ok(repeated("I will check that for you now. ".repeat(40))! > 0.9);
  assert.ok(repeated("哈".repeat(300))! > 0.9);
  assert.ok(repeated("a".repeat(500))! > 0.5);
  assert.ok(repeated(`${COURSE.good} ${COURSE.irrelevant}`)! < 0.05);
  assert.equal(repeated("x = 1"), undefined);
});

test("22 languages are told apart, and what is unclear is left alone", () => {
  const texts: [string, string | undefined][] = [
    ["What is the weather like in the mountains today?", "en"],
    ["Wie ist das Wetter heute in den Bergen?", "de"],
    ["Quel est le temps dans les montagnes pour cette semaine ?", "fr"],
    ["¿Qué tiempo hace hoy en las montañas y por qué?", "es"],
    ["Como está o tempo hoje nas montanhas e não só?", "pt"],
    ["Che tempo fa oggi nelle montagne e perché non è bello?", "it"],
    ["Wat is het weer vandaag in de bergen?", "nl"],
    ["Hur är vädret i fjällen och vad kan man göra där?", "sv"],
    ["Jaka jest dziś pogoda w górach i co się tam robi?", "pl"],
    ["Bugün dağlarda hava nasıl ve bu bir sorun mu?", "tr"],
    ["Thời tiết ở vùng núi hôm nay như thế nào và có mưa không?", "vi"],
    ["Какая сегодня погода в горах и что там делать?", "ru"],
    ["Яка сьогодні погода в горах і що там робити?", "uk"],
    ["今日の山の天気はどうですか？", "ja"],
    ["今天山里的天气怎么样？", "zh"],
    ["오늘 산 날씨는 어때요?", "ko"],
    ["Ποιος είναι ο καιρός σήμερα;", "el"],
    ["מה מזג האוויר היום בהרים?", "he"],
    ["كيف هو الطقس اليوم في الجبال؟", "ar"],
    ["هوا امروز در کوه‌ها چگونه است؟ چرا؟ پس چه؟", "fa"],
    ["आज पहाड़ों में मौसम कैसा है?", "hi"],
    ["วันนี้อากาศบนภูเขาเป็นอย่างไร", "th"],
    ["x = 1", undefined],
    ["OK", undefined],
    ["", undefined],
    ["```js\nfor (const the of and) is.that(it);\n```", undefined],
  ];
  for (const [text, language] of texts) assert.equal(languageOf(text), language, text);
  const match = (input: string, output: string) => scoreOf(languageMatch(), answer(output, { input }));
  assert.equal(match("Wie ist das Wetter in den Bergen?", "Das Wetter ist in den Bergen nicht gut."), 1);
  assert.equal(match("Wie ist das Wetter in den Bergen?", "The weather in the mountains is not good."), 0);
  assert.equal(match("Wie ist das Wetter in den Bergen?", "42"), undefined);
  assert.equal(
    scoreOf(languageMatch({ language: "fr" }), answer("Le temps est beau dans les Alpes.", { input: "Weather?" })),
    1,
  );
});

test("the course's three examples come out in the right order", () => {
  const score = (scorer: Parameters<typeof scoreOf>[0], output: string) =>
    scoreOf(scorer, answer(output, { input: COURSE.question }))!;
  const { good, poor, irrelevant } = COURSE;
  const [careful, relevant] = [hedging(), lexicalOverlap()];
  assert.equal(score(careful, good), 1);
  assert.ok(score(careful, irrelevant) > score(careful, poor));
  assert.ok(score(relevant, good) > score(relevant, poor));
  assert.equal(score(relevant, irrelevant), 0);
});

/** Any characters, and pieces that scorers look for. */
const text = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 200 }),
  fc
    .array(fc.constantFrom("the", "never", "12,5", '"', "```", "# a\n", ".", "\n\n", "的", "я", "$", "%", "\ud800"), {
      maxLength: 60,
    })
    .map((parts) => parts.join(" ")),
);

test("a scorer says 0 to 1 or nothing, whatever the texts are", async () => {
  const all = scorers();
  await fc.assert(
    fc.asyncProperty(text, text, text, fc.boolean(), async (input, output, context, isCut) => {
      for (const scorer of all) {
        const said = await scorer.score(answer(output, { input, context, expected: context, isCut }));
        // Throws for what is no score.
        const verdict = verdictOf(said);
        assert.ok(verdict === undefined || Number.isFinite(verdict.value), scorer.name);
      }
    }),
    { numRuns: 80 },
  );
});

test("a megabyte of hostile text costs the scorers a moment, cut as quality cuts it (more texts in quality.fault.ts)", async () => {
  for (const piece of ["1,", '"', '{"a":']) await assertQuick(piece);
});

test("time grows with the length of a text and not with its square", () => {
  const linear = scorers().filter(({ name }) => name !== "markdown_format" && name !== "golden");
  for (const piece of ["1", ".", "a", '"', "!?", "\u0301"]) {
    const whole = piece.repeat(300_000 / piece.length);
    for (const scorer of linear) {
      const began = process.cpuUsage();
      verdictOf(scorer.score(answer(whole, { input: "a question of the user", context: "1" })) as number);
      const { user } = process.cpuUsage(began);
      assert.ok(user < 1_000_000, `${scorer.name} on ${JSON.stringify(piece)} took ${user / 1000} ms`);
    }
  }
});

const BELL = { mean: 0.8, sd: 0.08 };
const LABELS = { feature: "tutor", model: "gpt-4.1", prompt: "" };

/** Drawn at run time; the message of a failure has the seed. */
const seed = Math.floor(Math.random() * 2 ** 31);
const random = (() => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
})();
const bell = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const score = (drop = 0) => BELL.mean + BELL.sd * (bell() - drop);
const learnt = (length = 100, drop = 0) => Array.from({ length }, () => score(drop));

/** How many scores it takes until there is a drift. */
function found(drift: Drift, draw: () => number, most = 2_000): number {
  for (let at = 1; at <= most; at++) {
    drift.add(draw());
    if ((drift.statistic ?? 0) > 1) return at;
  }
  return Number.POSITIVE_INFINITY;
}

const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;

test("a drop of one standard deviation is found, which the course's rule misses every time", () => {
  const delays: number[] = [];
  for (let run = 0; run < 200; run++) {
    const scores = Array.from({ length: 500 }, () => score(1));
    const means = scores.map((_, at) => (at < 49 ? 1 : scores.slice(at - 49, at + 1).reduce((a, b) => a + b) / 50));
    assert.ok(
      means.every((mean) => mean >= BELL.mean - 2 * BELL.sd),
      `the course's rule, seed ${seed}`,
    );
    const draw = (() => {
      let at = 0;
      return () => scores[at++]!;
    })();
    delays.push(found(driftOf({ baseline: BELL }), draw, 500));
  }
  assert.ok(
    delays.every((delay) => delay < 150),
    `missed: ${Math.max(...delays)}, seed ${seed}`,
  );
  assert.ok(Math.abs(median(delays) - 16) < 5, `median ${median(delays)}, seed ${seed}`);
});

test("the stated rate of false alarms holds for baselines learned from 100 scores, whatever their shape", () => {
  const shapes: [string, () => number][] = [
    ["bell", score],
    ["skewed", () => random() ** (1 / 8)],
    ["10 % zeros", () => (random() < 0.1 ? 0 : 1)],
  ];
  for (const [name, draw] of shapes) {
    let alarms = 0;
    for (let run = 0; run < 100; run++) {
      const baseline = Array.from({ length: 100 }, draw);
      let drift = driftOf({ baseline });
      for (let at = 0; at < 2_000; at++) {
        drift.add(draw());
        if ((drift.statistic ?? 0) <= 1) continue;
        alarms++;
        drift = driftOf({ baseline });
      }
    }
    // Stated: below 0.05 per 1000, which is 10 of 200,000. A bad baseline alarms several times, so the count varies widely.
    assert.ok(alarms < 40, `${name}: ${alarms} alarms in 200,000 scores, seed ${seed}`);
  }
});

test("half of the learned baselines find a drop of one standard deviation within some 20 scores, of two within 8", () => {
  for (const [drop, from, to] of [
    [1, 10, 35],
    [2, 4, 12],
  ] as const) {
    const delays = Array.from({ length: 200 }, () => {
      const drift = driftOf({ baseline: learnt() });
      // As in the table: after some good ones, so that minSamples delays nothing.
      for (let at = 0; at < 10; at++) drift.add(BELL.mean);
      return found(drift, () => score(drop));
    });
    const middle = median(delays);
    assert.ok(middle >= from && middle <= to, `${drop} sd: ${middle}, seed ${seed}`);
  }
});

test("a baseline is learned from the first scores, then frozen: a slow drop does not become the usual", () => {
  const drift = driftOf({ learn: 50 });
  for (let at = 0; at < 49; at++) drift.add(0.7 + (at % 10) / 50);
  assert.equal(drift.baseline, undefined);
  drift.add(0.7);
  const { mean } = drift.baseline!;
  assert.ok(Math.abs(mean - 0.79) < 0.01);
  for (let at = 0; at < 3_000; at++) drift.add(0.8 - at / 10_000);
  assert.equal(drift.baseline!.mean, mean);
  assert.ok(drift.statistic! > 1);
});

test("nothing is said before the minimum of samples", () => {
  const drift = driftOf({ baseline: BELL, minSamples: 10 });
  for (let at = 0; at < 9; at++) drift.add(0);
  assert.deepEqual([drift.statistic, drift.samples], [undefined, 9]);
  drift.add(0);
  assert.ok(drift.statistic! > 1);
});

test("one bad answer is no drift, nor are three", () => {
  const drift = driftOf({ baseline: BELL, minSamples: 1 });
  for (let at = 0; at < 3; at++) drift.add(0);
  assert.ok(drift.statistic! < 1, String(drift.statistic));
  drift.add(0);
  assert.ok(drift.statistic! > 1);
});

test("after a long drift it is over within 16 scores as good as before", () => {
  const drift = driftOf({ baseline: BELL });
  for (let at = 0; at < 1_000; at++) drift.add(0.2);
  assert.equal(drift.statistic, 2);
  for (let at = 0; at < 16; at++) drift.add(BELL.mean);
  assert.ok(drift.statistic <= 1, String(drift.statistic));
});

test("better scores than usual are no drift", () => {
  const drift = driftOf({ baseline: BELL });
  for (let at = 0; at < 1_000; at++) drift.add(1);
  assert.equal(drift.statistic, 0);
});

test("scores that never vary make a baseline that rounding does not set off, and failures do", () => {
  const drift = driftOf({ learn: 50 });
  for (let at = 0; at < 50; at++) drift.add(1);
  for (let at = 0; at < 500; at++) drift.add(1 - 0.005 * (at % 2));
  assert.equal(drift.statistic, 0);
  for (let at = 0; at < 4; at++) drift.add(0);
  assert.ok(drift.statistic! > 1);
  assert.ok(Number.isFinite(givenBaseline(0.8, 0).standardise(0.1)));
});

test("an outlier among the scores that a baseline is learned from counts as one low score", () => {
  const scores = learnt(100);
  const clean = learnedBaseline(scores);
  const dirty = learnedBaseline([...scores.slice(1), -1_000]);
  assert.ok(Math.abs(clean.standardise(0.7) - dirty.standardise(0.7)) < 0.2);
});

test("the inverse of the bell is right where it is known", () => {
  for (const [share, z] of [
    [0.5, 0],
    [0.841344746, 1],
    [0.0227501319, -2],
    [0.001349898, -3],
  ] as const) {
    assert.ok(Math.abs(normalScore(share) - z) < 1e-6, `${share}: ${normalScore(share)}`);
  }
});

test("each feature, model and prompt version has a usual of its own; the worst of a group is told", () => {
  const streams = driftStreams({ baseline: BELL }, undefined);
  for (let at = 0; at < 20; at++) {
    streams.add(LABELS, 0.8, "good", 0);
    streams.add({ ...LABELS, prompt: "greet@2" }, 0.4, `bad ${at}`, 0);
    streams.add({ ...LABELS, feature: "search" }, 0.8, "good", 0);
  }
  const readings = driftReadings(streams, "feature", 0, () => true);
  assert.deepEqual(
    readings.map(({ labels, value, samples }) => [labels, value! > 1, samples]),
    [
      [{ feature: "tutor" }, true, 20],
      [{ feature: "search" }, false, 20],
    ],
  );
  assert.deepEqual(readings[0]!.traces, ["bad 15", "bad 16", "bad 17", "bad 18", "bad 19"]);
  assert.deepEqual(
    driftReadings(streams, "feature", 1, () => true),
    [],
    "of what is not used any more nothing is told",
  );
});

test("what was learned survives a restart, and what is damaged is learned anew", () => {
  const before = driftStreams({}, undefined);
  for (let at = 0; at < 105; at++) before.add(LABELS, 0.7 + (at % 10) / 50, "t", 0);
  before.add(LABELS, 0, "t", 0);
  const saved = JSON.parse(JSON.stringify(before.state()));
  const after = driftStreams({}, saved);
  assert.deepEqual(after.state(), saved);
  const [stream] = [...after.streams()];
  assert.equal(stream!.drift.samples, 6);
  for (const broken of [
    null,
    3,
    {},
    [null],
    [{ labels: LABELS }],
    [{ labels: LABELS, state: { scores: ["x"], sum: 1, samples: 1 } }],
  ]) {
    assert.deepEqual([...driftStreams({}, broken).streams()], [], JSON.stringify(broken));
  }
});

test("a baseline is learned anew when it is asked for, for what was named alone", () => {
  const streams = driftStreams({ learn: 50 }, undefined);
  for (let at = 0; at < 80; at++) {
    streams.add(LABELS, 0.8, "t", 0);
    streams.add({ ...LABELS, feature: "search" }, 0.8, "t", 0);
  }
  streams.relearn({ feature: "tutor" });
  const known = [...streams.streams()].map(({ labels, drift }) => [labels.feature, drift.baseline !== undefined]);
  assert.deepEqual(known, [
    ["tutor", false],
    ["search", true],
  ]);
});

test("at most 200 streams are kept, the longest silent ones go", () => {
  const streams = driftStreams({}, undefined);
  for (let at = 0; at < 500; at++) streams.add({ ...LABELS, feature: `f${at}` }, 0.5, "t", 0);
  const features = [...streams.streams()].map(({ labels }) => labels.feature);
  assert.deepEqual([features.length, features[0], features.at(-1)], [200, "f300", "f499"]);
});
