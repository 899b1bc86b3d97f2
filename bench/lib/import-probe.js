/** Prints what it costs to import a contender and to start it, in a process that has loaded nothing else. */
const spent = (cpu, started) => {
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { wall: ms, cpu: (user + system) / 1_000 };
};
let cpu = process.cpuUsage();
let started = performance.now();
const { start } = await import(process.argv[2]);
const imported = spent(cpu, started);
cpu = process.cpuUsage();
started = performance.now();
await start({ target: "nowhere", mode: "on" });
console.log(JSON.stringify({ import: imported, start: spent(cpu, started) }));
process.exit();
