// Where the page's token comes from: its address, the development server, or nowhere, and then it is anonymous.

import type { ClientOptions } from '../client-sdk/types.js';

/** What this page calls itself for as long as it is open: each has the limits of a user for itself. */
const PAGE = Math.random().toString(36).slice(2, 12) || 'page';
const PATH = '/demo/token';

export type Issuer = 'address' | 'server' | 'nobody';

/** What stands behind the address's `#`, which no server is told. */
const addressed = () => new URLSearchParams(location.hash.slice(1)).get('token') ?? '';

/** The one that was read last. */
let known = '';

/** Whether there is a token to log out with. */
export const hasToken = (): boolean => known !== '';

/** Who gives this page its token. A server that is in trouble may give one later. Where somebody pastes a token into the address, the page begins anew. */
export async function findIssuer(): Promise<Issuer> {
  addEventListener('hashchange', () => {
    if (addressed() !== '') location.reload();
  });
  if (addressed() !== '') return 'address';
  const status = await fetch(PATH).then(
    (response) => response.status,
    () => 0,
  );
  return status === 404 ? 'nobody' : 'server';
}

/** As a client's option. */
export function tokenOf(issuer: Issuer, fetch: typeof globalThis.fetch, page = PAGE): ClientOptions['token'] {
  if (issuer === 'server') return () => readToken(fetch, page);
  return issuer === 'address' ? addressed() : undefined;
}

/** Rejects when the server gives none, cannot be reached or is in trouble: the client asks again. */
async function readToken(fetch: typeof globalThis.fetch, page: string): Promise<string> {
  const response = await fetch(`${PATH}?page=${page}`);
  if (response.status === 404) throw new Error('the server signs no tokens for this page any more: reload it');
  if (!response.ok) throw new Error(`no token: ${response.status}`);
  const body: unknown = await response.json();
  const token = typeof body === 'object' && body !== null && 'token' in body ? body.token : undefined;
  known = typeof token === 'string' ? token : '';
  return known;
}

/** Has the server end all that this page's user has open, and let in nobody with a token of before. */
export async function logOut(fetch: typeof globalThis.fetch): Promise<void> {
  const response = await fetch('/demo/log-out', { method: 'POST', headers: { Authorization: `Bearer ${known}` } });
  if (!response.ok) throw new Error(`not logged out: ${response.status}`);
}
