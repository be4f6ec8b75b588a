// Whose address counts for limits: the socket's, or a forwarded one where the peer is a proxy that is trusted.

import { BlockList, isIP } from 'node:net';
import { plainAddress } from './address.js';
import { addressOfHop, forwardedHops, listedHops } from './forwarded.js';

/** A header of the request by its lower-case name. */
export type HeaderOf = (name: string) => string | null | undefined;

/** Throws `TypeError` for what is neither an address nor a network. */
export class ClientAddress {
  readonly #trusted = new BlockList();
  readonly #any: boolean;

  constructor(trustedProxies: readonly string[]) {
    this.#any = trustedProxies.length > 0;
    for (const network of trustedProxies) this.#trust(network);
  }

  /**
   * The address nearest to us in `X-Forwarded-For` or `Forwarded` that no trusted proxy vouches for as one of its own. A proxy
   * writes one of the two and hands the other on as its client wrote it: where both are there and do not name the same
   * address, neither is believed.
   */
  of(socketAddress: string, header: HeaderOf): string {
    const peer = plainAddress(socketAddress);
    if (!this.#any || !this.#isTrusted(peer)) return peer;
    const [listed, forwarded] = [header('x-forwarded-for'), header('forwarded')];
    const byList = listed ? this.#walk(peer, listedHops(listed)) : undefined;
    const byElements = forwarded ? this.#walk(peer, forwardedHops(forwarded)) : undefined;
    if (byList === undefined || byElements === undefined) return byList ?? byElements ?? peer;
    return byList === byElements ? byList : peer;
  }

  /** `hops` are nearest first. */
  #walk(peer: string, hops: readonly string[]): string {
    let address = peer;
    for (const hop of hops) {
      const next = addressOfHop(hop);
      if (!this.#isTrusted(address) || next === undefined) return address;
      address = next;
    }
    return address;
  }

  /** Whether many clients stand behind a socket's address, because it is a trusted proxy's. */
  trusts(socketAddress: string): boolean {
    return this.#any && this.#isTrusted(plainAddress(socketAddress));
  }

  #isTrusted(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#trusted.check(address, version === 6 ? 'ipv6' : 'ipv4');
  }

  #trust(network: string): void {
    const [address = '', bits] = network.split('/');
    const version = isIP(address);
    if (version === 0) throw new TypeError(`trustedProxies: ${network} is no address and no network`);
    const family = version === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) this.#trusted.addAddress(address, family);
    else this.#trusted.addSubnet(address, Number(bits), family);
  }
}
