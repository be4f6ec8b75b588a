// Who may use the paths of operators and backends: whoever shows the admin key.

import { bearerOf, SecretKeys } from '../src/http/bearer.js';
import { OperatorDoor } from '../src/http/operator-door.js';
import { FanfareError } from '../src/lib/errors.js';
import { MEDIA_TYPES } from '../src/protocol/index.js';

export class Operators {
  readonly #keys: SecretKeys;
  readonly #door: OperatorDoor;
  readonly #isOpen: boolean;

  /** Without a key nobody may change anything, and whoever asks from this machine itself may look. */
  constructor(adminKeys: readonly string[]) {
    this.#keys = new SecretKeys(adminKeys);
    this.#door = new OperatorDoor(adminKeys);
    this.#isOpen = adminKeys.length === 0;
  }

  /** As {@link require}; where there is no key, throws `forbidden` for whoever asks from elsewhere than this machine. */
  requireLook(request: Request, remoteAddress: string): void {
    if (!this.#isOpen) return this.require(request);
    if (!this.#door.mayLook(request, remoteAddress)) {
      throw new FanfareError('forbidden', `the list of nodes is for ${this.#door.who} only`);
    }
  }

  /** Throws `token_missing` without a key and `forbidden` with another one. */
  require(request: Request): void {
    const key = bearerOf(request.headers.get('authorization'));
    if (key === undefined) throw new FanfareError('token_missing', 'Authorization: expected the admin key');
    if (!this.#keys.has(key)) throw new FanfareError('forbidden', 'Authorization: not the admin key');
  }
}

/** An answer that nobody keeps. */
export function jsonAnswer(status: number, body: object): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': MEDIA_TYPES.json, 'Cache-Control': 'no-store' },
  });
}
