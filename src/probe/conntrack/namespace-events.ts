/**
 * Conntrack of one network namespace. Its events wait in a socket until a refresh reads them; they do not wake the probe.
 * Where events are not enough (at the start, after an overrun, and now and then) a refresh dumps the table.
 */
import { netlinkReady, openNetlink, type NetlinkSocket } from 'ebpf-bridge/netlink';
import {
  countRequest,
  dumpRequest,
  establishedEventFilter,
  EventGroup,
  LIST_FLOWS,
  natEventFilter,
  readConntrackMessages,
  readFlowCount,
  type ConntrackFlow,
} from '../../conntrack-parser/index.js';
import { dump, NetlinkProtocol } from '../../netlink/index.js';

/** Wanted flows: translated ones only, or all established ones. */
export type Wanted = 'nat' | 'all';

/** Gets the news of a namespace's flows. */
export interface FlowListener {
  /** A flow exists. `isNews`: from an event, or from a dump in place of lost events. */
  onFlow(flow: ConntrackFlow, isNews: boolean): void;
  onEnd(flow: ConntrackFlow): void;
  onDumpBegin(): void;
  onDumpEnd(): void;
}

export interface EventCounts {
  /** Times that events were lost. */
  overruns: number;
  dumps: number;
  malformed: number;
}

const READ_BYTES = 1024 * 1024;
/** The most reads per refresh: an endless stream of events must not delay a tick. */
const MAX_READS = 64;
/** The most bytes of one dump: some ten million flows. */
const MAX_DUMP_BYTES = 4 * 1024 ** 3;
/** A dump of a table that changes all the time may be interrupted each time. */
const MAX_DUMP_TRIES = 3;

export class NamespaceEvents {
  #needsDump = true;

  private constructor(
    private readonly events: NetlinkSocket,
    private readonly netnsPath: string,
    private readonly counts: EventCounts,
    private dumpsAreNews: boolean,
  ) {}

  /**
   * @param isNew the first dump is news: the namespace is younger than the last refresh
   * @throws Error with `errno` if the kernel refuses
   */
  static async open(
    netnsPath: string,
    { wanted, eventBufferBytes }: { wanted: Wanted; eventBufferBytes: number },
    counts: EventCounts,
    isNew: boolean,
  ): Promise<NamespaceEvents> {
    const natOnly = wanted === 'nat';
    const events = await openNetlink({
      protocol: NetlinkProtocol.Netfilter,
      netnsPath,
      groups: [natOnly ? EventGroup.New : EventGroup.Update, EventGroup.Destroy],
      filter: natOnly ? natEventFilter() : establishedEventFilter(),
      receiveBytes: eventBufferBytes,
    });
    return new NamespaceEvents(events, netnsPath, counts, isNew);
  }

  /** The next refresh dumps: flows older than the socket have no events. */
  wantDump(): void {
    this.#needsDump = true;
  }

  /** Whether each namespace has news. */
  static async haveNews(namespaces: readonly NamespaceEvents[]): Promise<boolean[]> {
    const ready = await netlinkReady(namespaces.map(({ events }) => events));
    return namespaces.map((namespace, i) => namespace.#needsDump || ready[i] === true);
  }

  /** Gives the listener the news since the last call. @throws errors of the kernel and the parser */
  async refresh(listener: FlowListener): Promise<void> {
    await this.#readEvents(listener);
    if (!this.#needsDump) return;
    this.#needsDump = false;
    for (let tries = 0; tries < MAX_DUMP_TRIES; tries++) if (await this.#dump(listener)) return;
    this.#needsDump = true;
  }

  async close(): Promise<void> {
    await this.events.close();
  }

  async #readEvents(listener: FlowListener): Promise<void> {
    for (let reads = 0; reads < MAX_READS; reads++) {
      const { data, overruns, drained } = await this.events.receive(READ_BYTES);
      if (overruns > 0) {
        this.counts.overruns += overruns;
        this.#needsDump = true;
      }
      const { malformed } = readConntrackMessages(new Uint8Array(data), (flow) => {
        if (flow.destroyed) listener.onEnd(flow);
        else listener.onFlow(flow, true);
      });
      this.counts.malformed += malformed;
      if (drained) return;
    }
  }

  /** False: the table changed so much meanwhile that the answer lacks flows. */
  async #dump(listener: FlowListener): Promise<boolean> {
    const socket = await openNetlink({ protocol: NetlinkProtocol.Netfilter, netnsPath: this.netnsPath });
    try {
      await socket.send(countRequest());
      const isEmpty = readFlowCount(new Uint8Array((await socket.receive(READ_BYTES)).data)) === 0;
      listener.onDumpBegin();
      if (!isEmpty) {
        this.counts.dumps++;
        const bounds = { readBytes: READ_BYTES, answerBytes: MAX_DUMP_BYTES };
        const isWhole = await dump(socket, dumpRequest(), bounds, LIST_FLOWS, (part) => {
          const read = readConntrackMessages(part, (flow) => {
            listener.onFlow(flow, this.dumpsAreNews);
          });
          this.counts.malformed += read.malformed;
          return read;
        });
        if (!isWhole) return false;
      }
      listener.onDumpEnd();
      this.dumpsAreNews = true;
      return true;
    } finally {
      await socket.close();
    }
  }
}
