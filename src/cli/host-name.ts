/**
 * What this machine is called in reports when nobody says. Node ids begin with the name, so that machines without one,
 * or with the one that all have, would be taken for each other.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { InvalidArgumentError } from 'commander';
import type { Logger } from 'pino';

/** Different at each boot, and of no other machine: random(4). */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';
/** What the kernel says before it was given a name. */
const NO_NAME = '(none)';
/** Of a domain name, too. */
const LENGTH_MOST = 253;
const ADVICE = 'give it one with --hostname or TOPOPROBE_HOSTNAME';

/** The kernel's name for this machine, or an invented one; what is wrong with it goes into the log. */
export function thisHostName(log: Logger): string {
  const name = hostname();
  if (!isHostName(name)) {
    const madeUp = `unnamed-${bootDigest()}`;
    log.warn(
      `this machine has no usable host name ('${printable(name)}'), so it is called ${madeUp}: ${ADVICE}`,
    );
    return madeUp;
  }
  if (/^localhost(\.localdomain)?$/i.test(name))
    log.warn(
      `this machine is called ${name}, as others are; an app tells them apart by their machine ids: ${ADVICE}`,
    );
  return name;
}

/** The value of `--hostname`. @throws InvalidArgumentError */
export function givenHostName(text: string): string {
  if (isHostName(text)) return text;
  throw new InvalidArgumentError(
    `'${printable(text)}' is not a host name such as web-1.example (at most ${LENGTH_MOST} characters, no spaces, ; < or >)`,
  );
}

/** A semicolon would end the name within a node id, and `<` begins its kind. */
function isHostName(name: string): boolean {
  return name !== NO_NAME && name.length <= LENGTH_MOST && /^[^\s;<>\p{Cc}]+$/u.test(name);
}

function printable(name: string): string {
  return name.replace(/\p{Cc}/gu, '?');
}

function bootDigest(): string {
  let id: string;
  try {
    id = readFileSync(BOOT_ID, 'utf8');
  } catch {
    id = randomUUID();
  }
  return createHash('sha256').update(`topoprobe ${id}`).digest('hex').slice(0, 8);
}
