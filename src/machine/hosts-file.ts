/** /etc/hosts: which names this machine's administrator gave to which addresses. */
import { readFileSync } from 'node:fs';

export interface HostsLine {
  readonly address: string;
  /** In lower case. */
  readonly names: readonly string[];
}

/** Its lines as they are now (hosts(5)); none where there is no such file. */
export function hostsFile(path = '/etc/hosts'): HostsLine[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().toLowerCase().split(/\s+/);
    return names.length === 0 ? [] : [{ address, names }];
  });
}
