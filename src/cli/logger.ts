/**
 * The program's log: pino on stderr, as JSON lines or for reading. Stdout belongs to a command's own output. The same
 * message again and again is logged a few times a minute, with the number of those held back (`repeated`).
 */
import pino, { type DestinationStream, type Logger, type LoggerOptions } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { RepeatLimit } from '../probe/self/repeat-limit.js';
import type { LogFormat, LogLevel } from './options/shared-options.js';
import { StderrLines } from './stderr-lines.js';

type LogMethod = NonNullable<NonNullable<LoggerOptions['hooks']>['logMethod']>;

export function createLogger(level: LogLevel, format: LogFormat, stderr = new StderrLines()): Logger {
  const asText = format === 'pretty' ? prettyLine() : (line: string) => line;
  stderr.tellLossAs((lost) => asText(lossAsJson(lost)));
  const destination: DestinationStream = {
    write(line) {
      stderr.write(asText(line));
    },
  };
  return pino({ level, base: BASE, hooks: { logMethod: limitRepeats() } }, destination);
}

const BASE = { name: 'topoprobe' };
const WARN = 40;

/** As pino writes its lines. */
function lossAsJson(lost: number): string {
  const msg = `${lost} lines of this log were lost, because they could not be written`;
  return `${JSON.stringify({ level: WARN, time: Date.now(), ...BASE, lost, msg })}\n`;
}

function prettyLine(): (line: string) => string {
  return prettyFactory({
    colorize: process.stderr.isTTY,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss',
  });
}

function limitRepeats(): LogMethod {
  const limit = new RepeatLimit();
  return function (args, method, level) {
    const message: unknown = args.find((arg: unknown) => typeof arg === 'string');
    const heldBack = limit.admit(`${level} ${String(message)}`);
    if (heldBack === undefined) return;
    const [first, ...rest] = args as [unknown, ...string[]];
    if (heldBack === 0) method.apply(this, args);
    else if (typeof first === 'string') method.call(this, { repeated: heldBack }, first, ...rest);
    else method.call(this, { ...(first as object), repeated: heldBack }, ...(rest as [string]));
  };
}
