/** What only `experimentalDecorators` has: parameter decorators and emitted metadata beside `@observe()`. */
import { observe } from "sightline";

declare function Injectable(): ClassDecorator;
declare function Get(path?: string): MethodDecorator;
declare function Param(name: string): ParameterDecorator;
declare function Inject(token: string): ParameterDecorator;

class Repository {
  find(id: string): string {
    return id;
  }
}

@observe()
@Injectable()
export class Controller {
  constructor(@Inject("r") private readonly repository: Repository) {}

  @observe()
  @Get(":id")
  async one(@Param("id") id: string): Promise<string> {
    return this.repository.find(id);
  }

  @Get()
  @observe({ type: "tool" })
  all(): string[] {
    return [];
  }
}
