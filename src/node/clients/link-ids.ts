// Names links: `c-<s>.<n>`, where `<s>` is the client's session and `<n>` is unique in the cluster.

import { randomBytes } from 'node:crypto';
import type { Identity } from '../../auth/identity.js';

/** What the links of one client's session share; without a session of its own, a client is another one each time. */
export function sessionName({ connection }: Identity): string {
  return `c-${connection ?? randomBytes(12).toString('base64url')}`;
}

/** The session's part of a link's id. */
export function sessionIn(connection: string): string {
  return connection.split('.', 1)[0] ?? connection;
}

/** Of one node, from its start to its end. */
export class LinkIds {
  /** As long for every node, so that it and the count cannot be cut in two ways. */
  readonly #incarnation = randomBytes(6).toString('base64url');
  #count = 0;

  /** The id of a new link. */
  next(identity: Identity): string {
    this.#count++;
    return `${sessionName(identity)}.${this.#incarnation}${this.#count.toString(36)}`;
  }
}
