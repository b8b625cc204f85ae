/**
 * Names for addresses, learnt in the background. `names` answers from memory at once; what it does not know it puts
 * into a bounded queue, which is worked off with bounded concurrency and rate, one look-up per address at a time.
 */
import { AsyncResource } from 'node:async_hooks';
import type { DecodedPacket } from 'dns-packet';
import { ProbeError } from '../errors.js';
import { NameCache } from './name-cache.js';
import { Pacer } from './pacer.js';
import { readPtrAnswer, type PtrAnswer } from './ptr-answer.js';
import { questionFor, type Question } from './question.js';
import type { ServerHealth } from './server-health.js';
import type { DnsServer, DnsServers } from './server-list.js';
import { askPtr } from './stub-client.js';

export interface ReverseResolver {
  /**
   * The names of an address: empty when it has none or may not be asked for, undefined when that is not known yet.
   * Never blocks.
   */
  names(address: string): readonly string[] | undefined;
  /** Monotonic, but for `queued`, `in_flight` and `cached`, which are as of now. */
  counters(): Readonly<Record<string, number>>;
  /** One line for each name server that can't be asked at present: why, and what to do. */
  troubles(): readonly string[];
  /** Gives up what is under way. Idempotent. */
  close(): Promise<void>;
}

export interface ResolverLimits {
  /** Look-ups under way at once. */
  readonly concurrency: number;
  /** Questions sent per second, repeated ones included; at most 1000. */
  readonly ratePerSecond: number;
  /** Addresses waiting; when full, an address is forgotten until the next report asks again. */
  readonly queueMax: number;
  readonly cacheMax: number;
  /** For one server to answer once. */
  readonly timeoutMs: number;
  /** Questions per look-up, over all servers. */
  readonly tries: number;
}

export const DEFAULT_RESOLVER_LIMITS: ResolverLimits = {
  concurrency: 16,
  ratePerSecond: 50,
  queueMax: 1000,
  cacheMax: 20_000,
  timeoutMs: 2000,
  tries: 2,
};

/** Bounds on the time to live of answers; milliseconds. */
const TTL_MS = {
  min: 10_000,
  max: 3_600_000,
  /** No such name, in an answer without a time to live. */
  negative: 300_000,
  /** No answer. */
  failure: 60_000,
  /** How long expired names are still shown while they are asked for again. */
  stale: 60_000,
};

const NONE: readonly string[] = [];

export interface BackgroundResolverOptions {
  /** Whom to ask, as of now. Another object than before means that others are to be asked. */
  readonly servers: () => DnsServers;
  readonly health: ServerHealth;
  readonly limits: ResolverLimits;
  /** Names that need no question. */
  readonly ownNames: (address: string) => readonly string[] | undefined;
}

export class BackgroundResolver implements ReverseResolver {
  readonly #cache: NameCache;
  readonly #pacer: Pacer;
  readonly #stop = new AbortController();
  /** Waiting, in order; each is in #asked too, as are those under way. */
  readonly #queue: string[] = [];
  readonly #asked = new Map<string, Question>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #questions = new Set<AbortController>();
  /** What goes on in the background belongs to the resolver, not to the report that first asked for a name. */
  readonly #background = new AsyncResource('ReverseResolver');
  #servers: DnsServers;
  /** The server that answered last is asked first, of each kind. */
  readonly #preferred = { private: 0, public: 0 };
  readonly #counters = {
    lookups: 0,
    questions: 0,
    answers: 0,
    negative_answers: 0,
    failures: 0,
    queue_drops: 0,
  };

  constructor(private readonly options: BackgroundResolverOptions) {
    this.#cache = new NameCache(options.limits.cacheMax);
    this.#pacer = new Pacer(options.limits.ratePerSecond);
    this.#servers = options.servers();
  }

  names(address: string): readonly string[] | undefined {
    const own = this.options.ownNames(address);
    if (own) return own;
    this.#followServers();
    const known = this.#cache.get(address);
    const now = performance.now();
    if (known && known.expiresAt > now) return known.names;
    if (!this.#request(address)) return NONE;
    return known && known.expiresAt + TTL_MS.stale > now ? known.names : undefined;
  }

  counters(): Readonly<Record<string, number>> {
    return {
      ...this.#counters,
      evictions: this.#cache.evicted,
      queued: this.#queue.length,
      in_flight: this.#underWay.size,
      cached: this.#cache.size,
    };
  }

  troubles(): readonly string[] {
    return this.options.health.current();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    for (const question of this.#questions) question.abort();
    this.#queue.length = 0;
    await Promise.all(this.#underWay);
  }

  /** Other servers may know other names: each is asked for again, and shown as it was until then. */
  #followServers(): void {
    const servers = this.options.servers();
    if (servers === this.#servers) return;
    this.#servers = servers;
    this.#preferred.private = this.#preferred.public = 0;
    this.options.health.forget();
    this.#cache.expireAll(performance.now());
  }

  /** @returns false when nobody may be asked for this address */
  #request(address: string): boolean {
    if (this.#asked.has(address) || this.#stop.signal.aborted) return true;
    const question = questionFor(address);
    if (!question || this.#servers[question.kind].length === 0) {
      this.#cache.set(address, NONE, Infinity);
      return false;
    }
    if (this.#queue.length >= this.options.limits.queueMax) {
      this.#counters.queue_drops++;
    } else {
      this.#asked.set(address, question);
      this.#queue.push(address);
      this.#fill();
    }
    return true;
  }

  /** Starts as many look-ups as may be under way. */
  #fill(): void {
    while (this.#underWay.size < this.options.limits.concurrency) {
      const address = this.#queue.shift();
      if (address === undefined) return;
      const lookUp = this.#background
        .runInAsyncScope(() => this.#lookUp(address))
        .finally(() => {
          this.#asked.delete(address);
          this.#underWay.delete(lookUp);
          this.#fill();
        });
      this.#underWay.add(lookUp);
    }
  }

  /** Never rejects: a failure is an answer too. */
  async #lookUp(address: string): Promise<void> {
    this.#counters.lookups++;
    const servers = this.#servers;
    try {
      const answer = await this.#ask(this.#asked.get(address)!);
      this.#counters[answer.names.length > 0 ? 'answers' : 'negative_answers']++;
      const ttlMs = answer.ttlSeconds === undefined ? TTL_MS.negative : answer.ttlSeconds * 1000;
      this.#remember(address, answer.names, Math.min(TTL_MS.max, Math.max(TTL_MS.min, ttlMs)));
    } catch {
      if (this.#stop.signal.aborted) return;
      this.#counters.failures++;
      // Those who are asked now may do better.
      if (servers !== this.#servers) return;
      this.#remember(address, NONE, TTL_MS.failure);
    }
  }

  #remember(address: string, names: readonly string[], ttlMs: number): void {
    this.#cache.set(address, names, performance.now() + ttlMs);
  }

  async #ask({ name, kind }: Question): Promise<PtrAnswer> {
    const servers = this.#servers[kind];
    if (servers.length === 0) return { names: [], ttlSeconds: undefined };
    let cause: unknown;
    for (let i = 0; i < this.options.limits.tries; i++) {
      const at = (this.#preferred[kind] + i) % servers.length;
      const server = servers[at]!;
      await this.#pacer.turn(this.#stop.signal);
      try {
        const answer = readPtrAnswer(await this.#askServer(name, server), name);
        this.options.health.answered(server);
        if (!answer) continue;
        if (servers === this.#servers[kind]) this.#preferred[kind] = at;
        return answer;
      } catch (error) {
        this.#stop.signal.throwIfAborted();
        this.options.health.failed(server, error instanceof Error ? error.message : String(error));
        cause = error;
      }
    }
    throw new ProbeError('NO_DNS_ANSWER', `cannot look up ${name}`, { cause });
  }

  async #askServer(name: string, server: DnsServer): Promise<DecodedPacket> {
    // Closed since the turn was given: a question made now would wait for nobody to end it.
    this.#stop.signal.throwIfAborted();
    this.#counters.questions++;
    const question = new AbortController();
    this.#questions.add(question);
    const timer = setTimeout(() => {
      question.abort(new Error(`${server.host} did not answer within ${this.options.limits.timeoutMs} ms`));
    }, this.options.limits.timeoutMs).unref();
    try {
      return await askPtr(name, server, question.signal);
    } finally {
      clearTimeout(timer);
      this.#questions.delete(question);
    }
  }
}
