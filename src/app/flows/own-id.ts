/** The parts of report nodes' ids. */

/** The host's name in a host node id (`vm;<host>` → `vm`); the text itself when it is not one. */
export function hostNameOf(hostNodeId: string): string {
  const end = hostNodeId.indexOf(';');
  return end < 0 ? hostNodeId : hostNodeId.slice(0, end);
}

/** The part before the first `;` of any scoped id. */
export const ownIdOf = hostNameOf;
