// The allow-list of browser origins, and the CORS headers that follow from it.

import { CHANNEL_EXPOSED_HEADERS, EXPOSED_HEADERS } from '../protocol/index.js';
import { allowedMethods, type Route } from './router.js';

const LOOPBACK = /^https?:\/\/(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/;

/** Decides about the `Origin` header of browsers. Clients that send none are no browsers and are let through. */
export class Origins {
  readonly #allowed: ReadonlySet<string>;
  readonly #loopback: boolean;
  readonly #any: boolean;

  /** `allowed` holds exact origins (`https://app.example.com`), `loopback` for any local one, or `*` where the operator insists. */
  constructor(allowed: readonly string[]) {
    this.#allowed = new Set(allowed.map((origin) => origin.toLowerCase()));
    this.#loopback = this.#allowed.has('loopback');
    this.#any = this.#allowed.has('*');
  }

  /** Whether a request with this `Origin` header, or none, may go on. */
  allows(origin: string | undefined): boolean {
    if (origin === undefined || this.#any) return true;
    const lower = origin.toLowerCase();
    return this.#allowed.has(lower) || (this.#loopback && LOOPBACK.test(lower));
  }
}

const NO_ORIGIN = Object.freeze({ Vary: 'Origin' });
const EXPOSED = EXPOSED_HEADERS.join(', ');

/**
 * Headers for an answer, errors included, to an allowed origin; none for clients that are no browsers. Frozen, and mostly the same
 * object for the same origin.
 */
export function corsHeaders(origin: string | undefined): Readonly<Record<string, string>> {
  if (origin === undefined) return NO_ORIGIN;
  let headers = known.get(origin);
  if (headers === undefined) {
    headers = Object.freeze({
      'Access-Control-Allow-Origin': origin,
      'Access-Control-Expose-Headers': EXPOSED,
      Vary: 'Origin',
    });
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(origin, headers);
  }
  return headers;
}

/** Chosen: more origins than pages that poll at the same moment. */
const MAX_KNOWN = 256;
const known = new Map<string, Readonly<Record<string, string>>>();

/** Headers of what is at a channel's own URL and pages of every origin may read; they are the same for all. */
export const OPEN_CORS: Readonly<Record<string, string>> = Object.freeze({
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': CHANNEL_EXPOSED_HEADERS.join(', '),
});

/** Headers of the answer to OPTIONS: what may be asked, and to a page, beside those of {@link corsHeaders} or {@link OPEN_CORS}, how. */
export function optionsHeaders(
  route: Pick<Route<never, unknown>, 'methods'>,
  origin: string | undefined,
): Readonly<Record<string, string>> {
  const allow = { Allow: allowedMethods(route) };
  if (origin === undefined) return allow;
  return {
    ...allow,
    'Access-Control-Allow-Methods': route.methods.join(', '),
    'Access-Control-Allow-Headers': 'Authorization, Content-Type, If-None-Match, Last-Event-ID',
    'Access-Control-Max-Age': '7200',
  };
}
