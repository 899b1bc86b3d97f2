import "reflect-metadata";
import {
  type ArgumentMetadata,
  type ArgumentsHost,
  Body,
  type CallHandler,
  type CanActivate,
  Catch,
  Controller,
  createParamDecorator,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  Header,
  HttpCode,
  type INestApplication,
  Inject,
  Injectable,
  Module,
  type NestInterceptor,
  NotFoundException,
  Param,
  ParseIntPipe,
  type PipeTransform,
  Post,
  Query,
  Redirect,
  SetMetadata,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from "@nestjs/common";
import { NestFactory, Reflector } from "@nestjs/core";
import { map, type Observable, of } from "rxjs";
import { observe } from "sightline";

/** Where `@observe()` stands: nowhere, above or below the others on each method, or above or below them on the class. */
export type Place = "none" | "above" | "below" | "class above" | "class below" | "fields";
export const PLACES: readonly Place[] = ["none", "above", "below", "class above", "class below", "fields"];

const Roles = (...roles: string[]) => SetMetadata("roles", roles);
const Caller = createParamDecorator((_: unknown, context: ExecutionContext) => header(context, "x-user") ?? "nobody");

function header(context: ExecutionContext, name: string): string | undefined {
  return context.switchToHttp().getRequest<{ headers: Record<string, string> }>().headers[name];
}

/** Lets in by route metadata alone: without the metadata, a protected route is open. */
@Injectable()
class RolesGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const roles = this.reflector.getAllAndOverride<string[]>("roles", [context.getHandler(), context.getClass()]);
    return roles === undefined || roles.includes(header(context, "x-role") ?? "");
  }
}

/** Answers with what it was told of the route: the handler's name and its custom metadata. */
@Injectable()
class DescribeRoute implements NestInterceptor {
  constructor(private readonly reflector: Reflector) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const handler = context.getHandler();
    const route = { handler: handler.name, length: handler.length, roles: this.reflector.get("roles", handler) };
    return next.handle().pipe(map((answer) => ({ route, answer })));
  }
}

class Question {
  text!: string;
}

/** Works from the parameter types that the compiler emitted. */
@Injectable()
class ByType implements PipeTransform {
  transform(value: unknown, { metatype, type }: ArgumentMetadata): unknown {
    if (metatype === Number) return Number(value);
    return metatype === Question
      ? Object.assign(new Question(), value as object, { type: metatype.name })
      : `${type}:${value}`;
  }
}

class OutOfTea extends Error {}

@Catch(OutOfTea)
class TeaFilter implements ExceptionFilter {
  catch(error: OutOfTea, host: ArgumentsHost): void {
    host.switchToHttp().getResponse().status(418).json({ caught: error.constructor.name, message: error.message });
  }
}

const nothing = (): ((...target: any[]) => any) => () => {};

/** The same application each time, with `@observe()` in another place. */
export async function createApp(place: Place): Promise<INestApplication> {
  const Above: typeof nothing = place === "above" ? () => observe() : nothing;
  const Below: typeof nothing = place === "below" ? () => observe() : nothing;
  const ClassAbove: typeof nothing = place === "class above" ? () => observe() : nothing;
  const ClassBelow: typeof nothing =
    place === "class below" ? () => observe() : place === "fields" ? () => observe({ fields: true }) : nothing;

  @ClassAbove()
  @Injectable()
  @ClassBelow()
  class Answers {
    constructor(@Inject("greeting") private readonly greeting: string) {}

    @Above()
    @Below()
    async find(id: number): Promise<{ id: number; text: string }> {
      if (id === 404) throw new NotFoundException(`no answer ${id}`);
      if (id === 418) throw new OutOfTea("empty pot");
      return { id, text: `${this.greeting} ${id}` };
    }
  }

  @ClassAbove()
  @Controller("answers")
  @UseGuards(RolesGuard)
  @ClassBelow()
  class AnswersController {
    constructor(private readonly answers: Answers) {}

    @Above()
    @Get("open")
    @Header("x-kind", "open")
    @Below()
    open(): string {
      return "open to all";
    }

    @Above()
    @Get("secret")
    @Roles("admin")
    @UseInterceptors(DescribeRoute)
    @Below()
    secret(@Caller() user: string): { secret: string } {
      return { secret: `for ${user}` };
    }

    @Above()
    @Post("ask/:times")
    @HttpCode(202)
    @UsePipes(ByType)
    @Below()
    ask(@Body() question: Question, @Param("times") times: number, @Query("mood") mood: string): unknown {
      return { question, isQuestion: question instanceof Question, times, mood };
    }

    @Above()
    @Get("stream")
    @Below()
    stream(): Observable<number[]> {
      return of([1, 2, 3]);
    }

    @Above()
    @Get("away")
    @Redirect("https://example.com/", 302)
    @Below()
    away(): void {}

    @Above()
    @Get(":id")
    @UseFilters(TeaFilter)
    @Below()
    async one(@Param("id", ParseIntPipe) id: number): Promise<unknown> {
      return await this.answers.find(id);
    }
  }

  @Module({
    controllers: [AnswersController],
    providers: [Answers, { provide: "greeting", useValue: "answer" }],
  })
  class AppModule {}

  return await NestFactory.create(AppModule, { logger: false, abortOnError: false });
}
