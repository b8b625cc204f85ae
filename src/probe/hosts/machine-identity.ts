/**
 * Which machine this is, whatever it is called: names are given twice (every image is called localhost), machine ids are
 * not. What leaves the machine are digests that belong to this program alone, as machine-id(5) asks for.
 */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';

export type MachineIdSource = 'machine-id' | 'dmi';

export interface MachineIdentity {
  /** 16 hexadecimal digits; undefined when nothing that outlives a boot can be read. */
  readonly machine: string | undefined;
  readonly source: MachineIdSource | undefined;
  /** Of this boot: the same in every container of the machine. */
  readonly boot: string | undefined;
}

const APPLICATION = 'topoprobe machine 5b0c6f0e';
const DIGITS = 16;
/** What virtual machines without a number of their own have. */
const NO_UUID = /^(0+|f+|03000200040005000006000700080009)$/;

/** @param procRoot the host's /proc, by which its files are found where this runs in a container */
export function machineIdentity(procRoot: string): MachineIdentity {
  const own = '/etc/machine-id';
  const hosts = `${procRoot}/1/root/etc/machine-id`;
  const files = procRoot === '/proc' ? [own, hosts] : [hosts, own];
  const boot = digestOf(firstId([`${procRoot}/sys/kernel/random/boot_id`]));
  const machine = digestOf(firstId([...files, '/var/lib/dbus/machine-id']));
  if (machine !== undefined) return { machine, source: 'machine-id', boot };
  const dmi = digestOf(firstId(['/sys/class/dmi/id/product_uuid']));
  return { machine: dmi, source: dmi === undefined ? undefined : 'dmi', boot };
}

/** The first file that has an id: 32 hexadecimal digits, with or without dashes. */
function firstId(paths: readonly string[]): string | undefined {
  for (const path of paths) {
    let text: string;
    try {
      text = readFileSync(path, 'latin1').trim().replaceAll('-', '').toLowerCase();
    } catch {
      continue; // not there, or not ours to read
    }
    if (/^[0-9a-f]{32}$/.test(text) && !NO_UUID.test(text)) return text;
  }
  return undefined;
}

function digestOf(id: string | undefined): string | undefined {
  if (id === undefined) return undefined;
  return createHmac('sha256', Buffer.from(id, 'hex')).update(APPLICATION).digest('hex').slice(0, DIGITS);
}
