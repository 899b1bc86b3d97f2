import "reflect-metadata";
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { after, test } from "node:test";
import {
  BadRequestException,
  type CallHandler,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  HttpCode,
  type INestApplication,
  Injectable,
  type MessageEvent,
  Module,
  type NestInterceptor,
  type NestMiddleware,
  Param,
  Redirect,
  Sse,
  UseGuards,
  UseInterceptors,
} from "@nestjs/common";
import { APP_INTERCEPTOR, NestFactory } from "@nestjs/core";
import { concat, from, map, NEVER, type Observable, of, retry } from "rxjs";
import { configure, event, flush, memorySink, observe, shutdown, stats, suppress, withSpan } from "sightline";
import { traceRequests } from "sightline/interop/http";
import { SightlineInterceptor } from "sightline/interop/nestjs";

const sink = memorySink();
configure({ sinks: [sink], baggage: { "user.id": "userId" } });
after(() => shutdown());

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = {
  traceparent: `00-${TRACE}-b7ad6b7169203331-01`,
  tracestate: "vendor=x",
  baggage: "user.id=ada",
};

@Injectable()
class Guard implements CanActivate {
  canActivate(): boolean {
    event("guard");
    return true;
  }
}

@Injectable()
class Inner implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    event("before");
    return next.handle().pipe(map((answer) => ({ answer })));
  }
}

@Injectable()
class Retrying implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(retry(2));
  }
}

@Injectable()
class Service {
  @observe()
  async find(id: string): Promise<string> {
    await new Promise((resolve) => setImmediate(resolve));
    if (id === "bad") throw new BadRequestException("no such id");
    if (id === "broken") throw new RangeError("boom");
    return `found ${id}`;
  }
}

/** Waits until the client has left. */
@Injectable()
class SlowGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const response: EventEmitter = context.switchToHttp().getResponse();
    const left = new Promise((resolve) => void response.once("close", resolve));
    guarding.emit("guard");
    await left;
    return true;
  }
}

const guarding = new EventEmitter();
let failures = 0;

@Controller("things")
class ThingsController {
  constructor(private readonly service: Service) {}

  @Get("away")
  @Redirect("https://example.com/", 302)
  away(): void {}

  @Get("flaky")
  @UseInterceptors(Retrying)
  flaky(): string {
    event("attempt");
    if (failures-- > 0) throw new RangeError("not yet");
    return "at last";
  }

  @Sse("events")
  events(): Observable<MessageEvent> {
    return from([{ data: "a" }, { data: "b" }]);
  }

  @Sse("endless")
  endless(): Observable<MessageEvent> {
    return concat(of({ data: "a" }), NEVER);
  }

  @Get("guarded")
  @UseGuards(SlowGuard)
  guarded(): string {
    guarding.emit("handled");
    return "nobody is there";
  }

  @Get(":id")
  @HttpCode(203)
  @UseGuards(Guard)
  @UseInterceptors(Inner)
  async one(@Param("id") id: string): Promise<string> {
    return this.service.find(id);
  }
}

/** The last request and its response. */
let closed: Promise<unknown> = Promise.resolve();

async function serve(
  fn: (url: string) => Promise<unknown>,
  { use, interceptor = SightlineInterceptor }: { use?: Parameters<INestApplication["use"]>[0]; interceptor?: any } = {},
): Promise<void> {
  @Module({
    controllers: [ThingsController],
    providers: [
      Service,
      typeof interceptor === "function"
        ? { provide: APP_INTERCEPTOR, useClass: interceptor }
        : { provide: APP_INTERCEPTOR, useValue: interceptor },
    ],
  })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { logger: false, forceCloseConnections: true });
  app.use((request: EventEmitter, response: EventEmitter, next: () => void) => {
    const close = (emitter: EventEmitter) => new Promise((resolve) => void emitter.once("close", resolve));
    closed = Promise.all([close(request), close(response)]);
    next();
  });
  if (use !== undefined) app.use(use);
  await app.listen(0, "127.0.0.1");
  sink.clear();
  try {
    await fn(`${await app.getUrl()}/things`);
  } finally {
    await app.close();
    await flush();
  }
}

const spans = () => sink.records.flatMap((record) => (record.record === "span" ? [record] : []));

/** Every span as its path. */
function paths(): string[] {
  const named = new Map(spans().map((span) => [span.spanId, span]));
  const path = (span: ReturnType<typeof spans>[number]): string => {
    const parent = named.get(span.parentSpanId ?? "");
    return parent === undefined ? span.name : `${path(parent)} > ${span.name}`;
  };
  return spans().map(path).sort();
}

const typed: NestInterceptor = new SightlineInterceptor();
const typedWithOptions: NestInterceptor = new SightlineInterceptor<ExecutionContext>({
  ignore: (context) => context.getHandler().name === "away",
  trace: (context) => ({ sessionId: context.switchToHttp().getRequest().headers["x-session"] }),
});
const middleware: NestMiddleware = { use: traceRequests() };

test("alone: the span of the request, in the trace of the caller, with what the handler calls below it", async () => {
  await serve(async (url) => {
    const answer = await fetch(`${url}/7?token=s3cr3t`, { headers: CALLER });
    assert.equal(answer.status, 203);
    assert.deepEqual(await answer.json(), { answer: "found 7" });
  });
  assert.deepEqual(paths(), [
    "ThingsController.one",
    "ThingsController.one > Service.find",
    "ThingsController.one > before",
    "guard",
  ]);
  const span = spans().find(({ name }) => name === "ThingsController.one")!;
  assert.deepEqual(
    [span.traceId, span.parentIsRemote, span.traceState, span.kind, span.trace.userId],
    [TRACE, true, "vendor=x", "server", "ada"],
  );
  assert.equal(span.attributes?.["http.route"], "/things/:id");
  assert.equal(span.attributes?.["http.response.status_code"], 203);
  assert.doesNotMatch(JSON.stringify(spans()), /s3cr3t/);
});

test("with app.use(traceRequests()): one server span, the handler inside it, guards too", async () => {
  await serve(async (url) => void (await fetch(`${url}/7`, { headers: CALLER })), { use: middleware.use });
  assert.deepEqual(paths(), [
    "GET /things/:id",
    "GET /things/:id > ThingsController.one",
    "GET /things/:id > ThingsController.one > Service.find",
    "GET /things/:id > ThingsController.one > before",
    "GET /things/:id > guard",
  ]);
  assert.deepEqual(
    spans()
      .filter(({ kind }) => kind === "server")
      .map(({ name, traceId }) => [name, traceId]),
    [["GET /things/:id", TRACE]],
  );
});

for (const use of [undefined, middleware.use]) {
  const how = use === undefined ? "alone" : "with the middleware";

  test(`${how}: exceptions`, async () => {
    await serve(
      async (url) => {
        assert.equal((await fetch(`${url}/bad`)).status, 400);
        assert.equal((await fetch(`${url}/broken`)).status, 500);
      },
      { use },
    );
    const [bad, broken] = spans().filter(({ name }) => name === "ThingsController.one");
    assert.equal(bad?.error, undefined);
    assert.equal(bad?.level, use === undefined ? "DEFAULT" : "WARNING");
    assert.deepEqual([broken?.level, broken?.error?.type, broken?.error?.message], ["ERROR", "RangeError", "boom"]);
  });

  test(`${how}: server-sent events, to the end and not`, async () => {
    await serve(
      async (url) => {
        assert.match(await (await fetch(`${url}/events`)).text(), /data: a[\s\S]*data: b/);
        const controller = new AbortController();
        const answer = await fetch(`${url}/endless`, { signal: controller.signal });
        await answer.body?.getReader().read();
        controller.abort();
        await closed;
      },
      { use },
    );
    const level = (name: string) => spans().find((span) => span.name === name)?.level;
    assert.equal(level("ThingsController.events"), "DEFAULT");
    assert.equal(level("ThingsController.endless"), "WARNING");
  });

  test(`${how}: a handler that is tried again`, async () => {
    failures = 1;
    await serve(async (url) => assert.equal(await (await fetch(`${url}/flaky`)).text(), "at last"), { use });
    const attempts = paths().filter((path) => path.endsWith("attempt"));
    assert.equal(attempts.length, 2);
    assert.equal(new Set(spans().map(({ traceId }) => traceId)).size, 1);
  });
}

test("a client that left while a guard was at work: the span ends, as a warning", async () => {
  await serve(async (url) => {
    const isGuarded = once(guarding, "guard");
    const isHandled = once(guarding, "handled");
    const controller = new AbortController();
    const asked = fetch(`${url}/guarded`, { signal: controller.signal });
    await isGuarded;
    controller.abort();
    await assert.rejects(asked);
    await isHandled;
    assert.equal(stats().open, 0);
  });
  const span = spans().find(({ name }) => name === "ThingsController.guarded");
  assert.deepEqual([span?.level, span?.unfinished], ["WARNING", undefined]);
});

test("an application that was started inside a span has requests of their own", async () => {
  for (const use of [undefined, middleware.use]) {
    await withSpan("boot", () =>
      serve(async (url) => suppress(async () => void (await fetch(`${url}/7`)).status), { use }),
    );
    const [server, ...others] = spans().filter(({ kind }) => kind === "server");
    assert.deepEqual([server?.parentSpanId, others], [undefined, []]);
    const handler = spans().find(({ name }) => name === "ThingsController.one");
    assert.equal(handler?.traceId, server?.traceId);
  }
});

test("the status is that of the response, a redirect too", async () => {
  await serve(async (url) => void (await fetch(`${url}/away`, { redirect: "manual" })), { interceptor: typed });
  const span = spans().find(({ name }) => name === "ThingsController.away");
  assert.equal(span?.attributes?.["http.response.status_code"], 302);
});

test("ignore and trace", async () => {
  await serve(
    async (url) => {
      await fetch(`${url}/away`, { redirect: "manual" });
      await fetch(`${url}/7`, { headers: { "x-session": "s-9" } });
    },
    { interceptor: typedWithOptions },
  );
  assert.equal(
    spans().some(({ name }) => name === "ThingsController.away"),
    false,
  );
  assert.equal(spans().find(({ name }) => name === "Service.find")?.trace.sessionId, "s-9");
});

test("100 requests at a time: everything under its own", async () => {
  await serve(async (url) => {
    await Promise.all(Array.from({ length: 100 }, async (_, id) => (await fetch(`${url}/${id}`)).arrayBuffer()));
  });
  const found = spans().filter(({ name }) => name === "Service.find");
  assert.equal(found.length, 100);
  for (const { parentSpanId, input } of found) {
    const parent = spans().find(({ spanId }) => spanId === parentSpanId);
    assert.equal(parent?.attributes?.["url.path"], `/things/${(input as { id: string }).id}`);
  }
});
