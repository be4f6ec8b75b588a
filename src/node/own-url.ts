// Asks the node's public URL who answers there, until it is the node itself.

import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import type { Socket } from 'node:net';
import { checkServerIdentity, TLSSocket } from 'node:tls';
import type { Logger } from '../lib/logger.js';
import { after } from '../lib/timers.js';
import { HEADERS, PATHS } from '../protocol/index.js';
import type { ReadinessCheck } from './node-options.js';

/** How long an answer may take, and how long a start waits for it: a URL that leads somewhere answers within milliseconds. */
const ANSWER_WITHIN_MS = 2_000;
const START_WITHIN_MS = 1_000;
/** A proxy may come to know the node only once it is ready, so it asks again; each pause is twice as long as the one before. */
const MAX_ID_LENGTH = 64;
const PAUSE_MS = { first: 1_000, longest: 60_000 } as const;

export interface OwnUrlParts {
  readonly id: string;
  readonly logger: Logger;
  /** Something is known that was not: the URL leads to the node. */
  readonly onReached: () => void;
}

/** Owns its request and the timer of the next. That a URL does not lead back is no proof that clients do not get here. */
export class OwnUrl {
  readonly #parts: OwnUrlParts;
  #url = '';
  #state: 'idle' | 'asking' | 'reached' | 'closed' = 'idle';
  #timer: NodeJS.Timeout | undefined;
  #abort = new AbortController();
  #pauseMs: number = PAUSE_MS.first;
  #sinceMs = Date.now();
  #found = '';

  constructor(parts: OwnUrlParts) {
    this.#parts = parts;
  }

  get isReached(): boolean {
    return this.#state === 'reached';
  }

  /** Resolves when the first answer is there, or is not waited for any longer. */
  async start(url: string): Promise<void> {
    if (this.#state !== 'idle') return;
    this.#url = url;
    this.#state = 'asking';
    let patience: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      patience = after(START_WITHIN_MS, resolve);
    });
    await Promise.race([this.#ask(), over]);
    clearTimeout(patience);
  }

  /** A client came by the URL. */
  reached(): void {
    if (this.#state !== 'asking') return;
    this.close();
    this.#state = 'reached';
    this.#sinceMs = Date.now();
    if (this.#found !== '') this.#parts.logger.info({ url: this.#url }, "the node's URL leads to it");
    this.#found = '';
    this.#parts.onReached();
  }

  /** Never a reason for a 503: where a network does not lead back to where it came from, clients get here all the same. */
  check(): ReadinessCheck {
    const detail = this.#found === '' ? '' : `${this.#found}: other nodes are preferred until a client comes`;
    return { name: 'url', ok: true, sinceMs: this.#sinceMs, detail };
  }

  /** Idempotent. */
  close(): void {
    this.#state = 'closed';
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  async #ask(): Promise<void> {
    const found = await answeredBy(`${this.#url}${PATHS.livez}`, this.#abort.signal).catch(reasonOf);
    if (this.#state !== 'asking') return;
    if (found === this.#parts.id) return this.reached();
    this.#tell(found === undefined ? 'something else answers at its URL' : `its URL does not lead to it (${found})`);
    this.#timer = after(this.#pauseMs, () => this.#ask()).unref();
    this.#pauseMs = Math.min(2 * this.#pauseMs, PAUSE_MS.longest);
  }

  #tell(found: string): void {
    if (this.#found === '') {
      const { id: node, logger } = this.#parts;
      logger.warn({ node, url: this.#url, found }, "the node's URL does not lead to it: clients may not get here");
      this.#sinceMs = Date.now();
    }
    this.#found = found;
  }
}

/** The id of the node that answers, `undefined` where whoever answers names none. Rejects when nobody does. */
function answeredBy(url: string, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const get = url.startsWith('https:') ? getHttps : getHttp;
    // A connection of its own, which leaves nothing open.
    const request = get(url, { agent: false, signal, rejectUnauthorized: false }, (response) => {
      const problem = certificateProblem(response.socket, new URL(url).hostname);
      if (problem !== undefined) return void request.destroy(problem);
      const named = response.headers[HEADERS.node.toLowerCase()];
      resolve(typeof named === 'string' ? named.slice(0, MAX_ID_LENGTH) : undefined);
      request.destroy();
    });
    const late = after(ANSWER_WITHIN_MS, () => request.destroy(new Error('no answer in time')));
    request.once('close', () => clearTimeout(late));
    request.once('error', reject);
  });
}

/** Who has signed a certificate is between clients and whoever runs the node; name and time are the same to everybody. */
const SIGNED_BY_OTHERS: readonly unknown[] = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
];

function certificateProblem(socket: Socket, hostname: string): Error | undefined {
  if (!(socket instanceof TLSSocket) || socket.authorized) return undefined;
  const code = String(socket.authorizationError);
  if (SIGNED_BY_OTHERS.includes(code)) {
    return checkServerIdentity(hostname.replaceAll(/[[\]]/g, ''), socket.getPeerCertificate());
  }
  return Object.assign(new Error('the certificate is not good'), { code });
}

/** No address: whoever asks for readiness may be told. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? `nobody answers: ${code}` : 'nobody answers in time';
}
