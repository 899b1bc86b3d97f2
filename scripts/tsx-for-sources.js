/** For `--import`: loads tsx when the program is TypeScript, and costs nothing when it is JavaScript. */
if (process.argv[1]?.endsWith(".ts")) await import("tsx");
