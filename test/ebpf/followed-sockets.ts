/** Whoever takes in snapshots of a tracker one after the other: what lives, by what the snapshots said so far. */
import assert from 'node:assert/strict';
import type { TrackerSnapshot } from 'ebpf-bridge/ebpf';
import { addressText } from '../../src/probe/records/address.js';
import { Direction, HALF, OFFSET, RECORD, WORD } from '../../src/probe/records/layout.js';
import { RecordView } from '../../src/probe/records/record-view.js';
import { TcpState } from '../../src/probe/records/tcp-state.js';

export interface FollowedSocket {
  readonly netns: number;
  readonly localPort: number;
  readonly remotePort: number;
  /** All that two trackers can agree on: each has a clock of its own. */
  readonly text: string;
}

type IsWanted = (socket: FollowedSocket) => boolean;

export class FollowedSockets {
  readonly #live = new Map<number, FollowedSocket>();
  readonly #closed: FollowedSocket[] = [];

  /** Each socket may be said once to live; what is gone was handed over before, and has no record here. */
  take(snapshot: Pick<TrackerSnapshot, 'isWhole' | 'gone' | 'records' | 'recordCount'>): void {
    if (snapshot.isWhole) this.#live.clear();
    const view = new RecordView(snapshot);
    const seen = new Set<number>();
    for (let i = 0; i < snapshot.recordCount; i++) {
      const state = view.bytes[i * RECORD.bytes + OFFSET.state]!;
      if (state === TcpState.SynSent) continue;
      const id = view.u64(i, WORD.socketId);
      const socket = socketOf(view, i);
      assert.ok(!seen.has(id) || state === TcpState.Close, `two records of one live socket: ${socket.text}`);
      seen.add(id);
      if (state !== TcpState.Close) this.#live.set(id, socket);
      else {
        this.#live.delete(id);
        this.#closed.push(socket);
      }
    }
    const { gone } = snapshot;
    for (let at = 0; at < gone.length; at += 2) {
      const id = (gone[at]! >>> 0) + (gone[at + 1]! >>> 0) * 2 ** 32;
      assert.ok(!seen.has(id), 'what has a record is not gone');
      assert.ok(this.#live.delete(id), 'what is gone was handed over');
    }
  }

  /** In an order that is always the same. */
  live(isWanted: IsWanted): string[] {
    return [...this.#live.values()]
      .filter(isWanted)
      .map(({ text }) => text)
      .sort();
  }

  closedOf(isWanted: IsWanted): number {
    return this.#closed.filter(isWanted).length;
  }
}

function socketOf(view: RecordView, i: number): FollowedSocket {
  const at = i * RECORD.words;
  const half = i * RECORD.halves;
  const byte = i * RECORD.bytes;
  const localPort = view.halves[half + HALF.localPort]!;
  const remotePort = view.halves[half + HALF.remotePort]!;
  const netns = view.words[at + WORD.netns]! >>> 0;
  const isListener = view.bytes[byte + OFFSET.direction] === Direction.Listener;
  const facts = [
    view.u64(i, WORD.socketId),
    netns,
    `${addressText(view.words, at + WORD.localAddress)}:${localPort}`,
    isListener ? 'listener' : `${addressText(view.words, at + WORD.remoteAddress)}:${remotePort}`,
    `state ${view.bytes[byte + OFFSET.state]!}`,
    `direction ${view.bytes[byte + OFFSET.direction]!}`,
    `pid ${view.words[at + WORD.pid]!}`,
    `${view.u64(i, WORD.bytesSent)} sent`,
    `${view.u64(i, WORD.bytesReceived)} received`,
    `${view.words[at + WORD.retransmits]!} retransmits`,
  ];
  return { netns, localPort, remotePort, text: facts.join(' ') };
}
