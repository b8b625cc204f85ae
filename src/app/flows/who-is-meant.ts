/**
 * Which of several hosts with one address is meant by a connection to it. An address that means something on one host or in
 * one network only may be that of several machines: a host that has the server itself means its own, two hosts with the
 * same interface address have two networks, and who is not told apart by these is not picked.
 */
import type { Meeting } from './meetings.js';
import { SharedNetworks } from './shared-networks.js';

export class WhoIsMeant {
  readonly #networks = new SharedNetworks();

  /** @returns whether that changes who is meant by anybody */
  noteHost(host: string, localNetworks: readonly string[]): boolean {
    return this.#networks.note(host, localNetworks, 0);
  }

  forgetHost(host: string): boolean {
    return this.#networks.forget(host);
  }

  /** Whether what one host sends to this triple may be what the other gets. */
  canMean(host: string, other: string, { place, clientAddress }: Meeting): boolean {
    if (host === other || place.scope !== '') return true;
    if (place.owners.has(host)) return false;
    return !(
      this.#networks.areApart(host, other, place.address) ||
      this.#networks.areApart(host, other, clientAddress)
    );
  }

  /** Whether several hosts with a server there may be meant. */
  isContested(host: string, meeting: Meeting): boolean {
    return meeting.place.owners.size > 1 && this.candidates(host, meeting).length > 1;
  }

  /** Hosts with a server there which this host may mean. More than one: only the connection itself tells. */
  candidates(host: string, { place }: Meeting): readonly string[] {
    if (place.owners.has(host)) return [host];
    const owners = place.owners.hosts();
    if (place.scope !== '') return owners;
    return owners.filter((owner) => !this.#networks.areApart(host, owner, place.address));
  }
}
