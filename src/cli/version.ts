/** This program's version, from package.json: the one place where it is written. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from './project-root.js';

function readVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8'));
  const version =
    typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : undefined;
  if (typeof version !== 'string')
    throw new Error(`${PROJECT_ROOT}/package.json has no version: reinstall topoprobe`);
  return version;
}

export const VERSION = readVersion();
