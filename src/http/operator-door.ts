// Who may look at what is for operators: whoever shows the admin key; where there is none, whoever asks from this machine itself.

import { isLoopback } from '../config/development.js';
import { plainAddress } from './address.js';
import { bearerOf, SecretKeys } from './bearer.js';

/** What proxies add. */
const FORWARDING =
  /^(forwarded|via|x-forwarded-.*|x-real-ip|x-original-.*|x-client-ip|cf-connecting-ip|true-client-ip)$/;

export class OperatorDoor {
  readonly #keys: SecretKeys | undefined;

  /** Bearer keys; none or `undefined`: this machine alone. */
  constructor(adminKeys: readonly string[] | undefined) {
    this.#keys = adminKeys === undefined || adminKeys.length === 0 ? undefined : new SecretKeys(adminKeys);
  }

  /** For whom it is, in words. */
  get who(): string {
    return this.#keys === undefined ? 'loopback' : 'the admin key';
  }

  /** Whether the request shows the key; never where there is none. */
  hasKey(request: Request): boolean {
    if (this.#keys === undefined) return false;
    try {
      const shown = bearerOf(request.headers.get('authorization'));
      return shown !== undefined && this.#keys.has(shown);
    } catch {
      // What is no bearer token is no key.
      return false;
    }
  }

  /** `remoteAddress` is the socket's. */
  mayLook(request: Request, remoteAddress: string): boolean {
    return this.#keys === undefined ? isDirectLoopback(request, remoteAddress) : this.hasKey(request);
  }
}

/**
 * Whether who asks sits at this machine. A proxy on it is loopback too, and those behind it are not; neither is a page that another
 * name led here. `remoteAddress` is the socket's.
 */
export function isDirectLoopback({ headers }: Request, remoteAddress: string): boolean {
  if ([...headers.keys()].some((name) => FORWARDING.test(name))) return false;
  return isLoopback(plainAddress(remoteAddress)) && isLoopback(hostName(headers.get('host') ?? ''));
}

/** A Host header without its port and brackets. */
function hostName(host: string): string {
  return host
    .toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1');
}
