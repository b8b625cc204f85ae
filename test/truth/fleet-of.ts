/** Hosts of one network with an app that sees them, and what the app shows of them. */
import type { TestContext } from 'node:test';
import type { FlowRow } from '../../src/report/model/flow-row.js';
import { rootSkip } from '../conntrack/nat-network.js';
import { ebpfSkip } from '../ebpf/requirements.js';
import {
  APP_PORT,
  createHost,
  createLan,
  startApp,
  type FleetApp,
  type FleetAppOptions,
  type FleetHost,
  type Lan,
} from '../support/fleet.js';
import { needsPrograms } from '../support/programs/debian.js';
import { needsRung } from '../support/rung.js';
import { rowsOf } from './rows.js';

export interface Fleet {
  readonly lan: Lan;
  readonly app: FleetApp;
  readonly appHost: FleetHost;
  readonly appAddress: string;
  /** Rows of `/api/v1/flows` that connect to one of the ports, or all. */
  flows(...ports: readonly number[]): Promise<readonly FlowRow[]>;
  edges(view: string): Promise<readonly ShownEdge[]>;
}

export interface ShownEdge {
  readonly from: string;
  readonly to: string;
  readonly toLabel?: string;
  readonly connections: number;
  readonly failed?: number;
  readonly ports?: Readonly<Record<string, number>>;
}

/** A test's `skip`: these tests run by eBPF, on hosts that they make. */
export const needsFleet = (...programs: readonly string[]): string | false =>
  rootSkip || ebpfSkip || needsRung('files') || needsPrograms(...programs);

export async function startFleet(t: TestContext, options: FleetAppOptions = {}): Promise<Fleet> {
  const lan = createLan(t);
  const appHost = await createHost(t, 'app');
  const appAddress = lan.plug(appHost);
  const app = await startApp(t, appHost, appAddress, options);
  return { lan, app, appHost, appAddress, ...shownBy(app) };
}

/** What an app shows. */
export function shownBy(app: FleetApp): Pick<Fleet, 'flows' | 'edges'> {
  return {
    async flows(...ports) {
      const rows = rowsOf(await app.get('/api/v1/flows?limit=100000'));
      return rows.filter(({ server }) => ports.length === 0 || ports.includes(server.port));
    },
    async edges(view) {
      const answer = await app.get(`/api/v1/edges?view=${view}&unconnected=show&limit=100000`);
      return (answer as { readonly edges: readonly ShownEdge[] }).edges;
    },
  };
}

/** Connections by `from > to` of the edges that lead to a node of the host, or come from one; not those of its reports. */
export function edgesOfHost(edges: readonly ShownEdge[], host: string): Map<string, number> {
  const isOf = (id: string): boolean => id.startsWith(`${host};`);
  return new Map(
    edges
      .filter(({ from, to, ports }) => (isOf(from) || isOf(to)) && ports?.[APP_PORT] === undefined)
      .map(({ from, to, connections }) => [`${from} > ${to}`, connections]),
  );
}
