/**
 * The command line: `topoprobe up | probe | app | report | doctor`. Each command is a file in commands/; what it runs is
 * loaded when it runs, so that none waits for another's code. Whatever goes wrong becomes one line and an exit code
 * (0 fine, 1 failed, 2 bad usage).
 */
import { Command, CommanderError } from 'commander';
import { appCommand } from './commands/app.js';
import { doctorCommand } from './commands/doctor.js';
import { probeCommand } from './commands/probe.js';
import { reportCommand } from './commands/report.js';
import { upCommand } from './commands/up.js';
import { oneLine, UsageError } from './errors.js';
import { print, surviveLostOutput } from './stdout.js';
import { VERSION } from './installation.js';
import { leaveDeletedDirectory } from './working-directory.js';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** @param writeOut takes help and version */
function program(writeOut: (text: string) => void): Command {
  const root = new Command('topoprobe')
    .description('Shows who talks to whom on a fleet of Linux machines, live.')
    .version(VERSION, '--version', 'print the version')
    .helpOption('--help', 'show this help');
  for (const command of [upCommand(), probeCommand(), appCommand(), reportCommand(), doctorCommand()]) {
    root.addCommand(command.helpOption('--help', 'show this help'));
  }
  for (const command of [root, ...root.commands]) {
    command
      .exitOverride()
      .showSuggestionAfterError()
      .configureOutput({
        writeOut,
        outputError: (text, write) => {
          const help = command === root ? 'topoprobe --help' : `topoprobe ${command.name()} --help`;
          write(`topoprobe: ${oneLine(text.replace(/^error: /, ''))} (see ${help})\n`);
        },
      });
  }
  return root;
}

/** Runs one command line (`process.argv` form) and sets the exit code. Never throws. */
export async function run(argv: readonly string[]): Promise<void> {
  surviveLostOutput();
  leaveDeletedDirectory();
  let printed = Promise.resolve();
  const writeOut = (text: string): void => {
    printed = print(text);
  };
  try {
    await program(writeOut).parseAsync(argv);
  } catch (error) {
    process.exitCode = exitCode(error);
  }
  await printed.catch((error: unknown) => {
    process.exitCode = exitCode(error);
  });
}

function exitCode(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has printed its own line; bare `topoprobe` shows the help and counts as bad usage.
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
  process.stderr.write(`topoprobe: ${oneLine(error)}\n`);
  return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
}
