/** What only the TC39 protocol can decorate. */
import { observe } from "sightline";

export class Vault {
  @observe() #secret(key: string): string {
    return key;
  }

  @observe() static #make(): Vault {
    return new Vault();
  }

  @observe() get #size(): number {
    return 1;
  }

  @observe() accessor level: number = 1;

  @observe() arrow = (value: number): string => `${value}`;

  @observe() static boot = async (): Promise<void> => {};

  open(): string {
    return this.#secret("k") + this.#size + Vault.#make().level + this.arrow(1);
  }
}

export const Local: new () => { run(): number } =
  @observe()
  class {
    run(): number {
      return 1;
    }
  };
