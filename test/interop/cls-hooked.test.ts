import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { after, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createNamespace, destroyNamespace, type Namespace } from "cls-hooked";
import type { Span } from "../../src/core/span.ts";
import { clsHookedCarrier } from "../../src/interop/cls-hooked.ts";

const namespace = createNamespace("test") as Namespace<{ user?: unknown; other?: unknown }>;
const { get, run } = clsHookedCarrier(namespace);
after(() => destroyNamespace("test"));

const span = (name: string): Span => ({ spanId: name }) as Span;
const current = (): string | undefined => get()?.spanId;

test("spans nest and leave nothing behind", () => {
  assert.equal(current(), undefined);
  const seen = run(span("a"), () => {
    const before = current();
    const inside = run(span("b"), current);
    return [before, inside, current()];
  });
  assert.deepEqual(seen, ["a", "b", "a"]);
  assert.equal(current(), undefined);
  assert.equal(namespace.active, null);
});

test("the result is given back as it is", async () => {
  const promise = Promise.resolve(1);
  assert.equal(
    run(span("a"), () => promise),
    promise,
  );
  assert.equal(await promise, 1);
});

test("the span follows promises, timers, ticks and bound emitters", async () => {
  const seen = await run(span("a"), async () => {
    const results = [current()];
    await Promise.resolve();
    results.push(current());
    await turn();
    results.push(current());
    results.push(await new Promise<string | undefined>((resolve) => setTimeout(() => resolve(current()), 1)));
    results.push(await new Promise<string | undefined>((resolve) => process.nextTick(() => resolve(current()))));
    results.push(await new Promise<string | undefined>((resolve) => queueMicrotask(() => resolve(current()))));
    return results;
  });
  assert.deepEqual(seen, Array(6).fill("a"));
  assert.equal(current(), undefined);
  assert.equal(namespace.active, null);

  const emitter = new EventEmitter();
  namespace.bindEmitter(emitter);
  const heard: unknown[] = [];
  run(span("listener"), () => emitter.on("x", () => heard.push(current())));
  run(span("emitter"), () => emitter.emit("x"));
  assert.deepEqual(heard, ["listener"]);
});

test("the caller keeps its own span while the callee's work goes on", async () => {
  await run(span("caller"), async () => {
    const work = run(span("callee"), async () => {
      await turn();
      return current();
    });
    assert.equal(current(), "caller");
    assert.equal(await work, "callee");
    assert.equal(current(), "caller");
  });
});

test("concurrent branches do not mix", async () => {
  const branch = async (name: string): Promise<(string | undefined)[]> => {
    const seen = [];
    for (let i = 0; i < 5; i++) {
      await turn();
      seen.push(current());
      seen.push(await run(span(`${name}.${i}`), () => turn().then(current)));
    }
    return seen;
  };
  const names = Array.from({ length: 20 }, (_, i) => `branch${i}`);
  const seen = await run(span("root"), () => Promise.all(names.map((name) => run(span(name), () => branch(name)))));
  for (const [i, name] of names.entries()) {
    assert.deepEqual(
      seen[i],
      [0, 1, 2, 3, 4].flatMap((step) => [name, `${name}.${step}`]),
    );
  }
  assert.equal(namespace.active, null);
});

const thrown: [what: string, value: unknown][] = [
  ["an error", new Error("x")],
  ["a frozen error", Object.freeze(new Error("x"))],
  ["a string", "x"],
  ["null", null],
  ["undefined", undefined],
  ["zero", 0],
  ["a symbol", Symbol("x")],
];

for (const [what, value] of thrown) {
  test(`${what} that is thrown arrives as it is, and the context is restored`, async () => {
    const keys = (): PropertyKey[] => (typeof value === "object" && value !== null ? Reflect.ownKeys(value) : []);
    const before = keys();
    let caught: unknown = "nothing";
    run(span("outer"), () => {
      try {
        run(span("inner"), () => {
          throw value;
        });
      } catch (error) {
        caught = error;
      }
      assert.equal(current(), "outer");
    });
    assert.equal(caught, value);
    caught = "nothing";
    await run(span("inner"), () => Promise.reject(value)).catch((error) => {
      caught = error;
    });
    assert.equal(caught, value);
    assert.deepEqual(keys(), before);
    assert.equal(namespace.active, null);
  });
}

test("inside a span the application reads what it set outside", () => {
  namespace.run(() => {
    namespace.set("user", "alice");
    run(span("a"), () => {
      assert.equal(namespace.get("user"), "alice");
      namespace.run(() => {
        assert.equal(namespace.get("user"), "alice");
        assert.equal(current(), "a");
      });
    });
  });
});

test("what the application sets inside a span, it finds again after it", async () => {
  await new Promise<void>((resolve, reject) => {
    namespace.run(() => {
      const story = async (): Promise<void> => {
        run(span("sync"), () => run(span("nested"), () => namespace.set("user", "alice")));
        assert.equal(namespace.get("user"), "alice");
        await run(span("async"), async () => {
          await turn();
          namespace.set("user", "bob");
          await run(span("deeper"), async () => {
            await turn();
            assert.equal(namespace.get("user"), "bob");
            namespace.set("other", 1);
          });
        });
        assert.equal(namespace.get("user"), "bob");
        assert.equal(namespace.get("other"), 1);
        assert.equal(current(), undefined);
      };
      story().then(resolve, reject);
    });
  });
});

test("what the application sets in a context of its own inside a span stays there", () => {
  namespace.run(() => {
    namespace.set("user", "alice");
    run(span("a"), () => {
      namespace.run((context) => {
        namespace.set("user", "bob");
        context.other = 1;
        run(span("b"), () => {
          assert.equal(namespace.get("user"), "bob");
          namespace.set("user", "carol");
        });
        assert.equal(namespace.get("user"), "carol");
        assert.equal(namespace.get("other"), 1);
      });
      assert.equal(namespace.get("user"), "alice");
      assert.equal(namespace.get("other"), undefined);
    });
  });
});

test("without a context of the application's own, the outermost span holds what it sets", () => {
  run(span("root"), () => {
    run(span("a"), () => namespace.set("user", "alice"));
    assert.equal(
      run(span("b"), () => namespace.get("user")),
      "alice",
    );
  });
  assert.equal(namespace.get("user"), undefined);
  assert.equal(({} as { user?: unknown }).user, undefined);
  run(span("other root"), () => assert.equal(namespace.get("user"), undefined));
});

test("a long chain of spans makes no long chain of contexts", async () => {
  let longest = 0;
  const step = async (left: number): Promise<void> => {
    if (left === 0) return;
    let length = 0;
    for (let at: object | null = namespace.active; at !== null; at = Object.getPrototypeOf(at)) length++;
    longest = Math.max(longest, length);
    await run(span(`step${left}`), () => step(left - 1));
  };
  await run(span("root"), () => step(1000));
  // Ours, the application's, Object.prototype.
  assert.equal(longest, 3);
});

test("two namespaces keep two spans", () => {
  const second = clsHookedCarrier(createNamespace("second"));
  run(span("a"), () => second.run(span("b"), () => assert.deepEqual([current(), second.get()?.spanId], ["a", "b"])));
  destroyNamespace("second");
});

test("what is no namespace is refused where it is given", () => {
  for (const given of [undefined, null, "app", {}, createNamespace]) {
    assert.throws(() => clsHookedCarrier(given as never), {
      code: "CONFIG_BAD_VALUE",
      message: /clsHookedCarrier\(\) takes a namespace of cls-hooked; it got .*createNamespace/,
    });
  }
});
