import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, currentSpan, observe, startSpan, stats, suppress, withContext, withSpan } from "sightline";
import { SightlineInterceptor } from "sightline/interop/nestjs";
import { traced } from "../support/traced.ts";
import { CALLER, SPAN, serve, TRACE } from "./serve.ts";

// With Nest and RxJS themselves: test/compat/nest/tracing.test.ts.

interface Observer {
  next(value: unknown): void;
  error(error: unknown): void;
  complete(): void;
}

/** As much of RxJS's class as Nest needs. */
class Observable {
  readonly #start: (observer: Observer) => (() => void) | void;
  constructor(start: (observer: Observer) => (() => void) | void) {
    this.#start = start;
  }
  subscribe(observer: Observer): { unsubscribe(): void } {
    let isOpen = true;
    let teardown: (() => void) | void;
    const close = (): void => {
      if (!isOpen) return;
      isOpen = false;
      teardown?.();
    };
    teardown = this.#start({
      next: (value) => void (isOpen && observer.next(value)),
      error: (error) => {
        if (!isOpen) return;
        observer.error(error);
        close();
      },
      complete: () => {
        if (!isOpen) return;
        observer.complete();
        close();
      },
    });
    if (!isOpen) teardown?.();
    return { unsubscribe: close };
  }
}

class Subject extends Observable {
  readonly onlyOfSubject = true;
}

class Orders {
  place(): void {}
}

const context = {
  getType: () => "rpc",
  getClass: () => Orders,
  getHandler: () => Orders.prototype.place,
  switchToHttp: () => assert.fail("this is no HTTP"),
};

/** What an Observable gave, and how it ended. */
function seen(observable: { subscribe(observer: Observer): { unsubscribe(): void } }): unknown[] {
  const log: unknown[] = [];
  observable.subscribe({
    next: (value) => log.push(value),
    error: (error) => log.push(error),
    complete: () => log.push("complete"),
  });
  return log;
}

const handler = (fn: (observer: Observer) => (() => void) | void, Class = Observable) => ({
  handle: () => new Class(fn),
});

test("the handler and its Observable run in a span named by class and method", async () => {
  const work = observe("work", () => 7);
  const sink = await traced(() =>
    withSpan("caller", () => {
      const next = {
        handle() {
          assert.ok(currentSpan());
          startSpan("handle").end();
          return new Observable((observer) => {
            observer.next(work());
            observer.next(work());
            observer.complete();
          });
        },
      };
      const given = new SightlineInterceptor().intercept(context, next);
      assert.equal(given.constructor, Observable);
      assert.deepEqual(seen(given), [7, 7, "complete"]);
    }),
  );
  sink.expectTree(`
    caller
    └─ Orders.place
       ├─ handle
       ├─ work
       └─ work
  `);
  assert.equal(sink.get("Orders.place").record.kind, "internal");
});

test("errors by identity; a status below 500 is a warning", async () => {
  const boom = new RangeError("boom");
  const refused = Object.assign(new Error("not you"), { getStatus: () => 403 });
  const sink = await traced(() => {
    for (const error of [boom, refused]) {
      const next = handler((observer) => observer.error(error));
      assert.deepEqual(seen(new SightlineInterceptor().intercept(context, next)), [error]);
    }
  });
  const [first, second] = sink.findAll("Orders.place").map(({ record }) => record);
  assert.deepEqual([first?.level, first?.error?.type], ["ERROR", "RangeError"]);
  assert.deepEqual([second?.level, second?.error, second?.status.message], ["WARNING", undefined, "not you"]);
});

test("a handle() that throws at once ends the span, and the error is the caller's", async () => {
  const boom = new RangeError("boom");
  const next = {
    handle(): object {
      throw boom;
    },
  };
  const sink = await traced(() => {
    assert.throws(
      () => new SightlineInterceptor().intercept(context, next),
      (thrown) => thrown === boom,
    );
    assert.equal(stats().open, 0);
  });
  assert.equal(sink.get("Orders.place").record.error?.type, "RangeError");
});

test("who unsubscribes ends the span, and reaches the source", async () => {
  let torn = 0;
  const sink = await traced(() => {
    const next = handler((observer) => {
      observer.next(1);
      return () => void torn++;
    });
    const given = new SightlineInterceptor().intercept(context, next);
    given.subscribe({ next() {}, error() {}, complete() {} }).unsubscribe();
  });
  assert.equal(torn, 1);
  assert.equal(sink.get("Orders.place").record.level, "WARNING");
});

test("each subscription is a run with a span of its own, beside the first", async () => {
  let runs = 0;
  const sink = await traced(() =>
    withSpan("caller", () => {
      const next = handler((observer) => {
        startSpan(`run ${++runs}`).end();
        if (runs < 3) observer.error(new Error("again"));
        else observer.complete();
      });
      const given = new SightlineInterceptor().intercept(context, next);
      for (let i = 0; i < 3; i++) seen(given);
    }),
  );
  const attempts = sink.get("caller").children;
  assert.deepEqual(
    attempts.map(({ record, children }) => [record.status.code, children[0]?.record.name]),
    [
      ["error", "run 1"],
      ["error", "run 2"],
      ["ok", "run 3"],
    ],
  );
});

test("of a Subject it gives an Observable; what is no Observable comes back as it is", async () => {
  const plain = { value: 1 };
  const sink = await traced(() => {
    const interceptor = new SightlineInterceptor();
    const given = interceptor.intercept(
      context,
      handler((observer) => observer.complete(), Subject),
    );
    assert.equal(Object.getPrototypeOf(given), Observable.prototype);
    seen(given);
    assert.equal(interceptor.intercept(context, { handle: () => plain }), plain);
  });
  assert.equal(sink.records.length, 2);
});

test("off, suppressed and ignored: the handler's own Observable, and no span", async () => {
  const source = new Observable((observer) => {
    startSpan("inside").end();
    observer.complete();
  });
  const next = { handle: () => source };
  assert.equal(new SightlineInterceptor().intercept(context, next), source);
  const sink = await traced(() => {
    suppress(() => assert.equal(new SightlineInterceptor().intercept(context, next), source));
    assert.equal(new SightlineInterceptor({ ignore: () => true }).intercept(context, next), source);
  });
  assert.deepEqual(sink.records, []);
});

test("a context and callbacks that throw cost nothing but the span", async () => {
  const fail = (): never => {
    throw new Error("of the context");
  };
  await traced(() => {
    const next = handler((observer) => observer.complete());
    for (const broken of [
      { ...context, getClass: fail },
      { ...context, getHandler: fail },
      { ...context, getType: fail },
    ]) {
      assert.deepEqual(seen(new SightlineInterceptor().intercept(broken, next)), ["complete"]);
    }
    const interceptor = new SightlineInterceptor({ ignore: fail, trace: fail });
    assert.deepEqual(seen(interceptor.intercept(context, next)), ["complete"]);
  });
});

for (const platform of ["Express", "Fastify"]) {
  test(`over HTTP with ${platform} it is the span of the request, ended with the response`, async () => {
    const sink = await traced(() =>
      serve(
        (request, response) => {
          const given =
            platform === "Express"
              ? [Object.assign(request, { route: { path: "/orders/:id" } }), response]
              : [{ raw: request, headers: request.headers, routeOptions: { url: "/orders/:id" } }, { raw: response }];
          const http = {
            ...context,
            getType: () => "http",
            switchToHttp: () => ({ getRequest: () => given[0], getResponse: () => given[1] }),
          };
          const next = handler((observer) => {
            startSpan("inside").end();
            observer.complete();
          });
          seen(new SightlineInterceptor().intercept(http, next));
          response.writeHead(201).end();
        },
        async (url) => (await fetch(`${url}/orders/7?key=s3cr3t`, { method: "POST", headers: CALLER })).text(),
      ),
    );
    const { record, children } = sink.get("Orders.place");
    assert.deepEqual([record.kind, record.traceId, record.parentSpanId], ["server", TRACE, SPAN]);
    const { "server.port": _, ...attributes } = record.attributes!;
    assert.deepEqual(attributes, {
      "http.request.method": "POST",
      "url.scheme": "http",
      "url.path": "/orders/7",
      "server.address": "127.0.0.1",
      "http.route": "/orders/:id",
      "http.response.status_code": 201,
    });
    assert.equal(children[0]?.record.name, "inside");
  });
}

test("a client that left while a guard was at work: the span ends at once", async () => {
  let open = -1;
  const sink = await traced(() =>
    serve(
      (request, response) => {
        const http = {
          ...context,
          getType: () => "http",
          switchToHttp: () => ({ getRequest: () => request, getResponse: () => response }),
        };
        response.once("close", () => {
          seen(
            new SightlineInterceptor().intercept(
              http,
              handler((observer) => observer.complete()),
            ),
          );
          open = stats().open;
        });
        request.socket.destroy();
      },
      async (url) => assert.rejects(fetch(url)),
    ),
  );
  assert.equal(open, 0);
  assert.equal(sink.get("Orders.place").record.level, "WARNING");
});

for (const flags of ["00", "01"]) {
  test(`over HTTP, what was current at listen() (flags ${flags}) is none of the request's`, async () => {
    const sink = await traced(() =>
      withContext({ traceparent: CALLER.traceparent.replace(/01$/, flags) }, () =>
        serve(
          (request, response) => {
            const http = {
              ...context,
              getType: () => "http",
              switchToHttp: () => ({ getRequest: () => request, getResponse: () => response }),
            };
            seen(
              new SightlineInterceptor().intercept(
                http,
                handler((observer) => observer.complete()),
              ),
            );
            response.end();
          },
          async (url) => suppress(async () => (await fetch(url)).text()),
        ),
      ),
    );
    const { kind, traceId, parentSpanId } = sink.get("Orders.place").record;
    assert.deepEqual([kind, traceId === TRACE, parentSpanId], ["server", false, undefined]);
  });
}

test("trace is for the trace of the handler", async () => {
  const sink = await traced(() => {
    const interceptor = new SightlineInterceptor({ trace: () => ({ userId: "ada" }) });
    seen(
      interceptor.intercept(
        context,
        handler((observer) => observer.complete()),
      ),
    );
  });
  assert.equal(sink.get("Orders.place").record.trace.userId, "ada");
});

test("bad options are refused when the interceptor is made", () => {
  assert.throws(() => new SightlineInterceptor({ span: false } as never), ConfigError);
});
