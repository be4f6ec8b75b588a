// One HTTP request on its way through the node: who asks, what it sent, and an answer with the right headers.

import { randomUUID } from 'node:crypto';
import { type Identity, NO_GRANTS } from '../../auth/identity.js';
import { corsHeaders } from '../../http/origins.js';
import { problemAnswer } from '../../http/problem.js';
import { FanfareError } from '../../lib/errors.js';
import { HEADERS, MEDIA_TYPES } from '../../protocol/index.js';
import { RateLimited } from '../clients/budget.js';
import type { HttpExchange, HttpStream } from '../engines/engine.js';
import type { NodeContext } from '../node-context.js';

/** Whoever shows no token: may read what is public. */
export const NOBODY: Identity = {
  kind: 'anonymous',
  user: null,
  grants: NO_GRANTS,
  issuedAtMs: 0,
  expiresAtMs: Number.POSITIVE_INFINITY,
  tokenId: undefined,
  connection: undefined,
  reservation: undefined,
};

const JSON_HEADERS = { 'Content-Type': MEDIA_TYPES.json, 'Cache-Control': 'no-store' } as const;

/** Wraps an exchange; everything that it answers carries the CORS headers of its origin, where that is allowed. */
export class HttpCall {
  readonly exchange: HttpExchange;
  readonly #context: NodeContext;
  readonly #cors: Readonly<Record<string, string>>;

  constructor(exchange: HttpExchange, context: NodeContext) {
    this.exchange = exchange;
    this.#context = context;
    const origin = exchange.header('origin');
    // An origin that is not allowed learns nothing but its refusal.
    this.#cors = corsHeaders(context.options.origins.allows(origin) ? origin : undefined);
  }

  get remoteAddress(): string {
    return this.exchange.remoteAddress;
  }

  respond(status: number, headers: Readonly<Record<string, string>> = {}, body?: string | Buffer): void {
    if (!this.exchange.aborted) this.exchange.respond(status, { ...this.#cors, ...headers }, body);
  }

  respondJson(body: string): void {
    this.respond(200, JSON_HEADERS, body);
  }

  stream(headers: Readonly<Record<string, string>>): HttpStream {
    return this.exchange.stream(200, { ...this.#cors, ...headers });
  }

  /** Answers any thrown value as a problem document. */
  fail(error: unknown, headers: Readonly<Record<string, string>> = {}): void {
    const requestId = error instanceof FanfareError && error.code !== 'internal' ? undefined : randomUUID();
    if (requestId !== undefined) {
      this.#context.logger.error({ error, requestId, path: this.exchange.path }, 'a request failed');
    }
    const answer = problemAnswer(error, requestId);
    if (error instanceof RateLimited) this.#context.counters.rateLimited++;
    const limitHeaders = error instanceof RateLimited ? error.headers : {};
    const idHeader: Record<string, string> = requestId === undefined ? {} : { [HEADERS.requestId]: requestId };
    this.respond(answer.status, { ...answer.headers, ...limitHeaders, ...idHeader, ...headers }, answer.body);
  }

  /** The bearer text; `undefined` without an `Authorization` header; throws `token_malformed` for another kind. */
  bearer(): string | undefined {
    const header = this.exchange.header('authorization');
    if (header === undefined) return undefined;
    const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
    if (token === undefined) throw new FanfareError('token_malformed', 'Authorization: expected "Bearer <token>"');
    return token;
  }

  /** Who asks. Calls back at once where a ticket can be verified at once; failures are answered here. */
  authenticate(then: (identity: Identity) => void): void {
    try {
      const token = this.bearer();
      const verdict = token === undefined ? NOBODY : this.#context.authenticator.verify(token);
      if (!(verdict instanceof Promise)) return then(verdict);
      verdict
        .then((identity) => {
          if (!this.exchange.aborted) then(identity);
        })
        .catch((error: unknown) => this.fail(error));
    } catch (error) {
      this.fail(error);
    }
  }

  /** The body as text, checked for type and size; failures are answered here. */
  readJson(then: (body: string) => void): void {
    const type = this.exchange.header('content-type');
    if (type === undefined || !/^application\/json *(;.*)?$/i.test(type)) {
      const message = `Content-Type: expected application/json, got ${type === undefined ? 'nothing' : JSON.stringify(type.slice(0, 60))}`;
      return this.fail(new FanfareError('unsupported_media_type', message));
    }
    const { maxBodyBytes } = this.#context.options;
    this.exchange.readBody(maxBodyBytes, (body) => {
      try {
        if (body === undefined) throw new FanfareError('payload_too_large', `the body has over ${maxBodyBytes} bytes`);
        if (body.length === 0) throw new FanfareError('body_missing', 'the request has no body');
        then(body.toString('utf8'));
      } catch (error) {
        this.fail(error);
      }
    });
  }
}
