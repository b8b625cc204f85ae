/** Reads edges out of a report in Scope's JSON form, the way an outside reader would. */

interface JsonNode {
  readonly latest?: Readonly<Record<string, { readonly value: string }>>;
  readonly adjacency?: readonly string[] | null;
}

export interface JsonReport {
  readonly Endpoint: { readonly nodes: Readonly<Record<string, JsonNode>> };
  readonly Process: { readonly nodes: Readonly<Record<string, JsonNode>> };
  readonly Host: { readonly nodes: Readonly<Record<string, JsonNode>> };
}

export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly fromPid: string | undefined;
  readonly toPid: string | undefined;
  readonly connections: number;
}

/** All endpoint edges that end at `port`. */
export function edgesTo(report: JsonReport, port: number | string): Edge[] {
  const { nodes } = report.Endpoint;
  return Object.entries(nodes).flatMap(([id, node]) =>
    (node.adjacency ?? [])
      .filter((to) => to.endsWith(`;${port}`))
      .map((to) => ({
        from: id,
        to,
        fromPid: node.latest?.['pid']?.value,
        // Of several processes behind one address and port, the connection's own.
        toPid: node.latest?.['to_pid']?.value ?? nodes[to]?.latest?.['pid']?.value,
        connections: Number(node.latest?.['conn_count']?.value ?? 1),
      })),
  );
}
