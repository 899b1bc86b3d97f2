import assert from "node:assert/strict";
import { test } from "node:test";
import { configure, flush, memorySink, ObserveError, observe } from "sightline";
import { compareTraced } from "../observe/conformance/compare.ts";
import { decoratedClass, decoratedMembers, describeClass } from "../observe/conformance/shape.ts";
import { conformance } from "../observe/conformance/suite.ts";
import { plain } from "../observe/conformance/target.ts";
import { memberTargets } from "../observe/conformance/targets.ts";

const memory = memorySink();
configure({ sinks: [memory] });

test("the shared targets were compiled for the legacy protocol", () => {
  const seen: unknown[] = [];
  const probe = (...given: unknown[]): void => void seen.push(given.length);
  memberTargets[0]?.build(probe, () => {});
  assert.deepEqual(seen, [3], 'test/legacy/tsconfig.json must include "../observe/conformance"');
});

conformance("legacy", memberTargets, (each, target) => compareTraced(each, target, observe, memory));

test("classes look as they did", () => {
  assert.deepEqual(describeClass(decoratedMembers(observe)), describeClass(decoratedMembers(plain)));
  assert.deepEqual(describeClass(decoratedClass(observe)), describeClass(decoratedClass(plain)));
});

/** A decorator in the manner of many libraries: the method becomes a getter that gives it out bound. */
function autobind(_target: object, _key: string, { value, ...rest }: PropertyDescriptor): PropertyDescriptor {
  const { writable: _writable, ...flags } = rest;
  return {
    ...flags,
    get() {
      return value.bind(this);
    },
  };
}

test("it goes together with decorators that replace the descriptor, on either side", () => {
  class Svc {
    readonly n = 1;
    @observe() @autobind above(): number {
      return this.n;
    }
    @autobind @observe() below(): number {
      return this.n;
    }
  }
  const { above, below } = new Svc();
  assert.deepEqual([above(), below()], [1, 1]);
});

test("parameter decorators beside it still run", () => {
  const seen: unknown[] = [];
  const param = (_target: object, key: string, index: number): void => void seen.push([key, index]);
  class Svc {
    @observe() run(@param _a: unknown, @param _b: unknown): void {}
  }
  new Svc().run(1, 2);
  assert.deepEqual(seen, [
    ["run", 1],
    ["run", 0],
  ]);
});

test("the forms of @observe give these names", async () => {
  class Forms {
    @observe bare(): void {}
    @observe() called(): void {}
    @observe("by name") named(): void {}
    @observe({ name: "by options" }) options(): void {}
    @observe((self: Forms, n: number) => ({ name: `${self.constructor.name} ${n}` })) dynamic(_n: number): void {}
    @observe get read(): number {
      return 1;
    }
    @observe set written(_value: number) {}
    @observe static statically(): void {}
  }
  await flush();
  memory.clear();
  const forms = new Forms();
  forms.bare();
  forms.called();
  forms.named();
  forms.options();
  forms.dynamic(7);
  forms.written = forms.read;
  Forms.statically();
  await flush();
  assert.deepEqual(
    memory.records.map((record) => record.name),
    [
      "Forms.bare",
      "Forms.called",
      "by name",
      "by options",
      "Forms 7",
      "Forms.get read",
      "Forms.set written",
      "Forms.statically",
    ],
  );
});

test("fields: true observes the functions of each instance", async () => {
  @observe({ fields: true })
  class Svc {
    readonly n = 1;
    run = (): number => this.n;
  }
  memory.clear();
  assert.equal(new Svc().run(), 1);
  await flush();
  assert.deepEqual(
    memory.records.map((record) => record.name),
    ["Svc.run"],
  );
});

test("a field throws at decoration time, and says what to do", () => {
  let thrown: unknown;
  try {
    class Svc {
      @observe() run = (): void => {};
    }
    new Svc();
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown instanceof ObserveError);
  assert.match((thrown as Error).message, /Svc\.run.*method.*fields: true/);
});
