/** One contender at one workload, in a process of its own. The last line that it prints is what it measured. */
import { measure } from "./lib/measure.js";

console.log(JSON.stringify(await measure(JSON.parse(process.argv[2]))));
process.exit();
