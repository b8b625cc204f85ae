/** Colours the canvas needs, read from the page's style sheet so that light and dark are written down in one place. */

export interface Palette {
  readonly background: string;
  readonly text: string;
  readonly mutedText: string;
  readonly edge: string;
  /** Edges with connects that failed. */
  readonly failing: string;
  /** Edges of nodes that are not in focus. */
  readonly faintEdge: string;
  readonly faintNode: string;
  readonly incoming: string;
  readonly outgoing: string;
  readonly ring: string;
  readonly pseudo: string;
  /** One for each group of like nodes; those beyond share `other`. */
  readonly groups: readonly string[];
  readonly other: string;
  readonly font: string;
}

const GROUPS = 20;

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const read = (name: string): string => style.getPropertyValue(name).trim();
  return {
    background: read('--canvas'),
    text: read('--text'),
    mutedText: read('--text-muted'),
    edge: read('--edge'),
    failing: read('--bad'),
    faintEdge: read('--edge-faint'),
    faintNode: read('--node-faint'),
    incoming: read('--incoming'),
    outgoing: read('--outgoing'),
    ring: read('--ring'),
    pseudo: read('--pseudo'),
    groups: Array.from({ length: GROUPS }, (_, index) => read(`--group-${index + 1}`)),
    other: read('--group-other'),
    font: style.fontFamily,
  };
}
