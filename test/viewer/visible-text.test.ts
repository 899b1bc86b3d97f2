import assert from "node:assert/strict";
import { test } from "node:test";
import { visibleText } from "../../src/viewer/app/visible-text.ts";

test("what reorders or hides text has a mark in its place", () => {
  assert.equal(visibleText("\u202egnp.exe"), "⟨U+202E⟩gnp.exe");
  assert.equal(visibleText("a\u2066b\u2069\u200b\ufeff"), "a⟨U+2066⟩b⟨U+2069⟩⟨U+200B⟩⟨U+FEFF⟩");
  assert.equal(visibleText("ok\u{E0041}"), "ok⟨U+E0041⟩");
});

test("words and emoji of every script stay as they are", () => {
  for (const text of ["plain text\n\ttabs", "שלום عالم", "می\u200cخواهم", "👩\u200d💻 ❤️", "\ud800"]) {
    assert.equal(visibleText(text), text);
  }
});
