// Names links: `c-<s>.<n>`, where `<s>` is the client's session and `<n>` is unique in the cluster.

import { createHash, randomBytes } from 'node:crypto';
import type { Identity } from '../../auth/identity.js';

const SESSION_BYTES = 12;

/** What the links of one client's session share; without a session of its own, a client is another one each time. */
export function sessionName({ connection }: Pick<Identity, 'connection'>): string {
  return `c-${connection ?? randomBytes(SESSION_BYTES).toString('base64url')}`;
}

/** The session's part of a link's id. */
export function sessionIn(connection: string): string {
  return connection.split('.', 1)[0] ?? connection;
}

/** Of one node, from its start to its end. Links keep a number: their ids are made of it when they are asked for. */
export class LinkIds {
  /** As long for every node, so that it and the count cannot be cut in two ways. */
  readonly #incarnation = randomBytes(6).toString('base64url');
  readonly #secret = randomBytes(16);
  #count = 0;

  /** That of a new link. */
  next(): number {
    this.#count++;
    return this.#count;
  }

  /** What no other link of the cluster has. */
  markOf(number: number): string {
    return this.#incarnation + number.toString(36);
  }

  /** The id of the link with this number: the same at every call with the same `session`, the `connection` of its identity. */
  idOf(number: number, session: string | undefined): string {
    const name = sessionName({ connection: session ?? this.#sessionOf(number) });
    return `${name}.${this.markOf(number)}`;
  }

  /** Of a link whose client has none. */
  #sessionOf(number: number): string {
    const digest = createHash('sha256').update(this.#secret).update(String(number)).digest();
    return digest.subarray(0, SESSION_BYTES).toString('base64url');
  }
}
