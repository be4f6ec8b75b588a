// Whose address counts for limits: the socket's, or a forwarded one where the peer is a proxy that is trusted.

import { BlockList, isIP } from 'node:net';
import { plainAddress } from './address.js';

/** More hops than any real chain has; what lies beyond is not looked at. */
const MAX_HOPS = 16;

/** Throws `TypeError` for what is neither an address nor a network. */
export class ClientAddress {
  readonly #trusted = new BlockList();
  readonly #any: boolean;

  constructor(trustedProxies: readonly string[]) {
    this.#any = trustedProxies.length > 0;
    for (const network of trustedProxies) this.#trust(network);
  }

  /** The address nearest to us in `X-Forwarded-For` that no trusted proxy vouches for as one of its own. */
  of(socketAddress: string, forwardedFor: string | null): string {
    let address = plainAddress(socketAddress);
    if (!this.#any || forwardedFor === null) return address;
    const hops = forwardedFor.split(',').slice(-MAX_HOPS).reverse();
    for (const hop of hops) {
      const next = plainAddress(hop.trim());
      if (!this.#isTrusted(address) || isIP(next) === 0) return address;
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
