// One decorated class, one tree on the terminal.
import { configure, consoleSink, observe } from "sightline";

configure({ sinks: [consoleSink()] });

class Greeter {
  @observe()
  greet(name: string): string {
    return `Hello, ${this.title(name)}!`;
  }

  @observe({ type: "tool" })
  title(name: string): string {
    return name === "Ada" ? "Countess Lovelace" : name;
  }
}

console.log(new Greeter().greet("Ada"));
