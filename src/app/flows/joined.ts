/** A joined flow: what it was made from stays in it, so that what is rarely asked for is made when it is. */
import type { FlowActivity } from '../../flows/window.js';
import { portList, type HeldState } from './held-state.js';
import type { JoinedEnd, JoinedFlow } from './joined-flow.js';
import type { ProbeWindow } from './probe-window.js';

type Ports = JoinedFlow['ports'];

export interface JoinedParts extends Omit<JoinedFlow, 'spanMs' | 'ports'> {
  /** Of the probe that states `activity`. */
  readonly window: ProbeWindow;
  readonly ports: HeldState | Ports;
}

export class Joined implements JoinedFlow {
  readonly client: JoinedEnd;
  readonly server: JoinedEnd;
  readonly via: string;
  readonly activity: FlowActivity;
  readonly byClient: FlowActivity | undefined;
  readonly byServer: FlowActivity | undefined;
  readonly failures: ReadonlyMap<string, number>;
  readonly direction: string;
  readonly nat: string;
  readonly isSampled: boolean;
  readonly #window: ProbeWindow;
  readonly #ports: HeldState | Ports;

  constructor(parts: JoinedParts) {
    this.client = parts.client;
    this.server = parts.server;
    this.via = parts.via;
    this.activity = parts.activity;
    this.byClient = parts.byClient;
    this.byServer = parts.byServer;
    this.failures = parts.failures;
    this.direction = parts.direction;
    this.nat = parts.nat;
    this.isSampled = parts.isSampled;
    this.#window = parts.window;
    this.#ports = parts.ports;
  }

  /** It grows with each statement of the probe, whether this flow is in it or not. */
  get spanMs(): number {
    return this.#window.spanMs;
  }

  get ports(): Ports {
    return 'modulus' in this.#ports ? portList(this.#ports) : this.#ports;
  }
}
