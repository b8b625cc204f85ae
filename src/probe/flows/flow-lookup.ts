/** Finds the flow of a connection or a failed connect: the one place that makes keys from records of ends. */
import { isLoopbackAddress } from '../records/address.js';
import { HALF, RECORD, WORD } from '../records/layout.js';
import type { RecordView } from '../records/record-view.js';
import { isSelfConnect } from '../records/scope.js';
import { NO_END } from './end-table.js';
import type { FlowBook } from './flow-book.js';
import { FlowEvidence } from './flow-evidence.js';
import { KEY, KEY_WORDS } from './flow-keys.js';
import { NO_PROCESS, type ProcessBook } from './process-book.js';
import { ServerBook } from './server-book.js';
import { isUntaken } from './untaken.js';

export class FlowLookup {
  readonly #servers: ServerBook;
  readonly #evidence: FlowEvidence;
  readonly #key = new Int32Array(KEY_WORDS);

  constructor(
    private readonly book: FlowBook,
    private readonly processes: ProcessBook,
  ) {
    this.#servers = new ServerBook(processes);
    this.#evidence = new FlowEvidence(book, processes, this.#servers);
  }

  /** Counts changes of the process that takes a listener's connections. */
  get serversVersion(): number {
    return this.#servers.version;
  }

  /**
   * The slot of the flow, if need be a new one. Adds the evidence of the records to it.
   * @param client record of the client's end in `view`; NO_END: it is elsewhere. One of the two ends is in `view`.
   * @param evidence a `DirectionEvidence`
   * @param via number of the dialled address; 0: the server's own
   * @param space inode of the addresses' namespace; 0: global addresses
   * @param isFailed it is a failed connect
   */
  slotOf(
    view: RecordView,
    client: number,
    server: number,
    evidence: number,
    via: number,
    space: number,
    isFailed: boolean,
  ): number {
    this.#makeKey(view, client, server, via, space);
    const flow = this.book.slotOf(this.#key, isFailed);
    this.#evidence.note(flow, view, client, server, evidence);
    return flow;
  }

  #makeKey(view: RecordView, client: number, server: number, via: number, space: number): void {
    const key = this.#key;
    const { words, halves } = view;
    const own = client !== NO_END ? client : server;
    const at = own * RECORD.words;
    const from = at + (own === client ? WORD.localAddress : WORD.remoteAddress);
    const to = at + (own === client ? WORD.remoteAddress : WORD.localAddress);
    for (let word = 0; word < 4; word++) {
      key[KEY.client + word] = words[from + word]!;
      key[KEY.server + word] = words[to + word]!;
    }
    key[KEY.port] = halves[own * RECORD.halves + (own === client ? HALF.remotePort : HALF.localPort)]!;
    const isLoopback = isLoopbackAddress(words, from) || isLoopbackAddress(words, to);
    key[KEY.space] = isLoopback ? words[at + WORD.netns]! : space;
    key[KEY.clientProcess] = client === NO_END ? NO_PROCESS : this.processes.numberOf(view, client);
    key[KEY.serverProcess] =
      server !== NO_END
        ? this.#serverProcess(view, server)
        : isSelfConnect(view, own)
          ? key[KEY.clientProcess]!
          : NO_PROCESS;
    key[KEY.via] = via;
  }

  #serverProcess(view: RecordView, server: number): number {
    const number = this.processes.numberOf(view, server);
    if (!isUntaken(view, server)) return number;
    const { words } = view;
    const at = server * RECORD.words;
    const address = at + WORD.localAddress;
    const netns = words[at + WORD.netns]!;
    const port = view.halves[server * RECORD.halves + HALF.localPort]!;
    return this.#servers.numberAt(netns, words, address, port) || number;
  }
}
