/** What bin/topoprobe has Node.js run: the command line, or one line where it can't be loaded. */
try {
  const { run } = await import('./main.js');
  await run(process.argv);
} catch (error) {
  // run() itself never throws.
  const reason = String(error instanceof Error ? error.message : error).split('\n', 1)[0];
  process.stderr.write(`topoprobe: could not load the program (${reason}): run make build\n`);
  process.exitCode = 1;
}
