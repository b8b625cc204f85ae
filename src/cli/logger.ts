/** The program's log: pino on stderr, as JSON lines or for reading. Stdout belongs to a command's own output. */
import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = 'json' | 'pretty';

const STDERR = 2;

export function createLogger(level: LogLevel, format: LogFormat): Logger {
  const destination =
    format === 'pretty'
      ? pretty({
          destination: STDERR,
          sync: true,
          colorize: process.stderr.isTTY,
          ignore: 'pid,hostname',
          translateTime: 'SYS:HH:MM:ss',
        })
      : pino.destination({ fd: STDERR, sync: true });
  return pino({ level, base: { name: 'topoprobe' } }, destination);
}
