// The keys of backends: which one a caller shows, and what it is good for.

import { grants } from '../auth/identity.js';
import type { KeyRight, PublishKey } from '../config/key-list.js';
import { FanfareError } from '../lib/errors.js';
import { SecretKeys } from './bearer.js';

/** One that a caller has shown. */
export interface FoundKey extends PublishKey {
  /** By which limits count it. */
  readonly subject: string;
}

export class PublishKeys {
  readonly #keys: readonly PublishKey[];
  readonly #secrets: SecretKeys;

  constructor(keys: readonly PublishKey[]) {
    this.#keys = keys;
    this.#secrets = new SecretKeys(keys.map(({ key }) => key));
  }

  /** The key that `shown` is; takes the same time for every wrong one. */
  find(shown: string): FoundKey | undefined {
    const at = this.#secrets.find(shown);
    const key = at === undefined ? undefined : this.#keys[at];
    return key && { ...key, subject: `key:${at}` };
  }
}

/** Throws `forbidden` where a key has no right to do something on a channel. */
export function requireKeyRight(key: PublishKey, right: KeyRight, channel: string): void {
  const which = key.name === undefined ? 'the publish key' : `the publish key ${key.name}`;
  if (!key.rights.includes(right)) {
    throw new FanfareError('forbidden', `${which} has no right to ${right}`, { channels: [channel] });
  }
  if (!grants(key.patterns, channel)) {
    throw new FanfareError('forbidden', `${which} is not for ${channel}`, { channels: [channel] });
  }
}
