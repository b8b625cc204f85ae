/**
 * What this machine is called: by its kernel, and in /etc/hosts on the lines of that name and of `localhost`. Other
 * lines may name whatever somebody wanted to be rid of, and made point to loopback.
 */
import { hostname } from 'node:os';
import { hostsFile } from './hosts-file.js';

/** As of now, in lower case; `localhost` is always among them. */
export function ownNames(): ReadonlySet<string> {
  const name = hostname().toLowerCase();
  const names = new Set(['localhost', name, name.split('.', 1)[0]!]);
  for (const line of hostsFile()) {
    if (line.names.includes('localhost') || line.names.includes(name))
      for (const alias of line.names) names.add(alias);
  }
  names.delete('');
  return names;
}
