/** `topoprobe doctor`: says what this machine allows and which source the probe would use. */
import { Command, Option } from 'commander';
import type { Diagnosis } from '../doctor-checks.js';
import { CommandError } from '../errors.js';
import { rung, rungOf, type RungChoice } from '../options/rung-option.js';
import { print } from '../stdout.js';

interface DoctorCommandOptions {
  readonly json: boolean;
  readonly procRoot: string;
  readonly rung: RungChoice;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'Say what this machine allows: kernel, BTF, program types, conntrack, /proc. Exit code 1 when nothing works.',
    )
    .addOption(new Option('--json', 'print JSON').env('TOPOPROBE_JSON').default(false))
    .addOption(
      new Option('--proc-root <path>', "the host's /proc, where it is mounted elsewhere")
        .env('TOPOPROBE_PROC_ROOT')
        .default('/proc'),
    )
    .addOption(rung())
    .action(async (options: DoctorCommandOptions) => {
      const { diagnose } = await import('../doctor-checks.js');
      const diagnosis = await diagnose(options.procRoot, rungOf(options));
      await print(options.json ? `${JSON.stringify(diagnosis, null, 2)}\n` : asText(diagnosis));
      if (diagnosis.source === undefined)
        throw new CommandError('no source of connections works on this machine');
    });
}

function asText({ kernel, user, checks, source, reason }: Diagnosis): string {
  const width = Math.max(...checks.map(({ name }) => name.length), 'source chosen'.length);
  const line = (name: string, text: string): string => `${name.padEnd(width)}  ${text}\n`;
  return [
    line('kernel', kernel),
    line('user', user),
    ...checks.map(({ name, status, detail }) => line(name, `${status.padEnd(7)}  ${detail}`)),
    line('source chosen', `${source ?? 'none'} (${reason})`),
  ].join('');
}
