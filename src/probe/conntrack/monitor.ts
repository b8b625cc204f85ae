/**
 * Watches conntrack in every network namespace that can be found: translated flows (NAT), and all established flows for
 * sources that miss short connections. It reads only on request, once per tick.
 *
 * The socket in a watched namespace keeps it alive, until the refresh after its last process, mount or file is gone.
 */
import { AddonUnavailableError, type NetNamespace } from 'ebpf-bridge/procfs';
import { descriptors, DESCRIPTORS_ADVICE, roomFor } from '../descriptors.js';
import { FlowStatus, natBitsOf, type ConntrackFlow } from '../../conntrack-parser/index.js';
import type { ProbeError } from '../errors.js';
import { findNamespaces, type ListNamespaces } from '../namespaces/net-namespaces.js';
import { NO_FLOWS, type FlowBatch } from '../records/nat-flow.js';
import { NewFlows } from './new-flows.js';
import { conntrackErrorOf } from './conntrack-error.js';
import { FlowTable } from './flow-table.js';
import { NamespaceEvents, type EventCounts, type FlowListener, type Wanted } from './namespace-events.js';
import { NamespaceText } from './namespace-text.js';

export interface MonitorOptions {
  /** Translated flows only, or every established one. */
  readonly wanted: Wanted;
  /** Where proc is mounted. Default /proc. */
  readonly procRoot?: string;
  /** Lists the namespaces. Default: those of all processes below `procRoot`. */
  readonly listNamespaces?: ListNamespaces;
  /** The most flows at a time. Default 65,536; about 200 bytes each. */
  readonly maxFlows?: number;
  /** The most namespaces watched at a time, each by a socket. Default 2,048. */
  readonly maxNamespaces?: number;
  /**
   * Refreshes between two dumps, which find what no event reported, and between two attempts after nothing could be read:
   * modules may be loaded later. Default 40.
   */
  readonly refreshesPerDump?: number;
  /** Kernel memory for one namespace's events that wait for a refresh; about a kilobyte each. Default 4 MiB. */
  readonly eventBufferBytes?: number;
  /** Reads the text in /proc even where netlink is permitted. Default false. */
  readonly textOnly?: boolean;
}

export interface FlowNews {
  readonly flows: FlowBatch;
  /** Flows established since the last refresh; empty if only translated flows are wanted. */
  readonly born: FlowBatch;
}

type NamespaceSource = NamespaceEvents | NamespaceText;

/** Namespaces that make room for others at each refresh, if not all can be watched. */
const TURNS = 8;

const NO_NEWS: FlowNews = { flows: NO_FLOWS, born: NO_FLOWS };

export class ConntrackMonitor {
  readonly #options: Required<MonitorOptions>;
  readonly #table: FlowTable;
  readonly #born: NewFlows;
  readonly #sources = new Map<number, NamespaceSource>();
  readonly #counts: EventCounts = { overruns: 0, dumps: 0, malformed: 0 };
  #unreadable = 0;
  #skipped = 0;
  #refreshes = 0;
  /** The last refresh succeeded: a namespace found now is younger than it. */
  #wasOn = false;
  #off: ProbeError | undefined;
  #closed = false;
  #textOnly: boolean;
  /** Namespaces not watched now: no descriptors, or over the limit. */
  #waiting = 0;
  #places = Infinity;
  /** Waiting namespaces, if not all can be watched → the refresh that last watched them. */
  #watchedAt = new Map<number, number>();
  #limit: number | undefined;
  /** Refreshes wait for each other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: MonitorOptions) {
    const { procRoot = '/proc' } = options;
    this.#options = {
      procRoot,
      listNamespaces: () => findNamespaces(procRoot),
      maxFlows: 65_536,
      maxNamespaces: 2_048,
      refreshesPerDump: 40,
      eventBufferBytes: 4 * 1024 * 1024,
      textOnly: false,
      ...options,
    };
    this.#table = new FlowTable(this.#options.maxFlows);
    this.#born = new NewFlows(this.#options.maxFlows);
    this.#textOnly = this.#options.textOnly;
  }

  /** Why nothing is watched now: no namespace can be read. Undefined: all is well. */
  get unavailable(): ProbeError | undefined {
    return this.#off;
  }

  /** What is not watched, why, and what to do: one line. Undefined: nothing is left out. */
  get shortfall(): string | undefined {
    if (this.#off !== undefined) return `NAT is not looked through: ${this.#off.message}`;
    if (this.#waiting === 0) return undefined;
    const watched = this.#sources.size;
    const all = watched + this.#waiting;
    const what = `NAT is looked through in ${watched} of ${all} network namespaces at a time, in those without translated flows by turns`;
    return this.#limit === undefined || this.#places >= this.#options.maxNamespaces
      ? `${what}: raise --max-netns (${this.#options.maxNamespaces})`
      : `${what}: this process may have ${this.#limit} files open: ${DESCRIPTORS_ADVICE}`;
  }

  /** How conntrack is read: as text if netlink is not available. */
  get readBy(): 'netlink' | 'text' {
    return this.#textOnly ? 'text' : 'netlink';
  }

  /** Reads the news. Never rejects: a namespace that can't be read is counted, and tried again next time. */
  refresh(): Promise<FlowNews> {
    const news = this.#last.then(() => this.#refresh());
    this.#last = news.catch(() => undefined);
    return news;
  }

  /** Monotonic counters by name; `conntrackFlows` and `conntrackNamespaces` are as of now. */
  counters(): Readonly<Record<string, number>> {
    return {
      conntrackFlows: this.#table.size,
      conntrackNamespaces: this.#sources.size,
      conntrackDroppedFlows: this.#table.dropped + this.#born.dropped,
      conntrackSkippedNamespaces: this.#skipped,
      conntrackWaitingNamespaces: this.#waiting,
      conntrackUnreadableNamespaces: this.#unreadable,
      conntrackOverruns: this.#counts.overruns,
      conntrackDumps: this.#counts.dumps,
      conntrackMalformed: this.#counts.malformed,
    };
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await Promise.all([...this.#sources.values()].map((source) => source.close()));
    this.#sources.clear();
  }

  async #refresh(): Promise<FlowNews> {
    if (this.#closed) return NO_NEWS;
    const isSweep = this.#refreshes++ % this.#options.refreshesPerDump === 0;
    if (this.#off !== undefined && !isSweep) return NO_NEWS;
    let failure: unknown;
    try {
      failure = await this.#followNamespaces();
    } catch (error) {
      failure = error; // known namespaces are read all the same
    }
    if (isSweep) for (const source of this.#sources.values()) source.wantDump();
    for (const [netns, source] of await this.#withNews()) {
      try {
        await source.refresh(this.#listenerOf(netns));
      } catch (error) {
        failure = error;
        this.#unreadable++;
        this.#sources.delete(netns);
        await source.close();
      }
    }
    this.#off = this.#sources.size === 0 && failure !== undefined ? conntrackErrorOf(failure) : undefined;
    this.#wasOn = this.#off === undefined;
    if (this.#off !== undefined) return NO_NEWS;
    return { flows: this.#table.snapshot(), born: this.#born.take() };
  }

  async #withNews(): Promise<[number, NamespaceSource][]> {
    const all = [...this.#sources];
    const watched = all.flatMap(([, source]) => (source instanceof NamespaceEvents ? [source] : []));
    if (watched.length < all.length) return all; // text gives no notice of news: read all
    try {
      const news = await NamespaceEvents.haveNews(watched);
      return all.filter((_, i) => news[i]);
    } catch {
      return all; // each one will report its own error
    }
  }

  /** Opens new namespaces, closes those that are gone. Returns the last error of a namespace that can't be read. */
  async #followNamespaces(): Promise<unknown> {
    const { listNamespaces } = this.#options;
    const found = await listNamespaces();
    const alive = new Set(found.map(({ inode }) => inode));
    for (const [netns, source] of this.#sources) {
      if (alive.has(netns)) continue;
      this.#sources.delete(netns);
      this.#table.endDump(netns, this.#table.beginDump());
      await source.close();
    }
    let failure: unknown;
    const fresh = found.filter(({ inode }) => !this.#sources.has(inode));
    this.#waiting = 0;
    for (const namespace of await this.#choose(fresh)) {
      const { inode } = namespace;
      // Text is read through a process.
      if (this.#textOnly && namespace.pid === 0) continue;
      try {
        this.#sources.set(inode, await this.#open(namespace));
      } catch (error) {
        failure = error;
        this.#unreadable++;
      }
    }
    return failure;
  }

  /**
   * The namespaces to watch. If there are more than may be watched, those without translated flows make room for waiting
   * ones, a few at each refresh.
   */
  async #choose(fresh: readonly NetNamespace[]): Promise<readonly NetNamespace[]> {
    this.#places = this.#countPlaces();
    const surplus = this.#sources.size + fresh.length - this.#places;
    if (surplus <= 0) {
      this.#watchedAt.clear();
      return fresh;
    }
    const leaving = Math.max(this.#sources.size - this.#places, Math.min(TURNS, surplus));
    const busy = this.#table.namespaces();
    const idle = [...this.#sources].filter(([netns]) => !busy.has(netns)).slice(0, leaving);
    for (const [netns, source] of idle) {
      this.#watchedAt.set(netns, this.#refreshes);
      this.#sources.delete(netns);
      await source.close();
    }
    const watchedAt = new Map(fresh.map(({ inode }) => [inode, this.#watchedAt.get(inode) ?? 0]));
    for (const [netns] of idle) watchedAt.set(netns, this.#refreshes);
    this.#watchedAt = watchedAt;
    const room = Math.max(0, this.#places - this.#sources.size);
    const chosen = fresh
      .toSorted((one, other) => watchedAt.get(one.inode)! - watchedAt.get(other.inode)!)
      .slice(0, room);
    this.#waiting = fresh.length + idle.length - chosen.length;
    this.#skipped += this.#waiting;
    return chosen;
  }

  #countPlaces(): number {
    const { maxNamespaces } = this.#options;
    if (this.#textOnly) return maxNamespaces;
    const open = descriptors();
    this.#limit = open?.limit;
    return open === undefined ? maxNamespaces : Math.min(maxNamespaces, roomFor(this.#sources.size, open));
  }

  async #open({ pid, path }: NetNamespace): Promise<NamespaceSource> {
    const isNew = this.#wasOn;
    if (!this.#textOnly) {
      try {
        return await NamespaceEvents.open(path, this.#options, this.#counts, isNew);
      } catch (error) {
        if (!(error instanceof AddonUnavailableError)) throw error;
        this.#textOnly = true;
      }
    }
    return new NamespaceText(`${this.#options.procRoot}/${pid}/net/nf_conntrack`, this.#counts, isNew);
  }

  #listenerOf(netns: number): FlowListener {
    const table = this.#table;
    const isWanted = (flow: ConntrackFlow): boolean =>
      this.#options.wanted === 'nat' ? natBitsOf(flow) !== 0 : (flow.status & FlowStatus.Assured) !== 0;
    let epoch = 0;
    return {
      onFlow: (flow, isNews) => {
        if (!isWanted(flow)) return;
        if (table.set(flow, netns) && isNews && this.#options.wanted === 'all') this.#born.add(flow, netns);
      },
      onEnd: (flow) => {
        table.end(flow, netns);
      },
      onDumpBegin: () => {
        epoch = table.beginDump();
      },
      onDumpEnd: () => {
        table.endDump(netns, epoch);
      },
    };
  }
}
