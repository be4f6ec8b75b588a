// Asks the development server for a token; where it gives none, the page is anonymous.

/** What this page calls itself for as long as it is open: each has the limits of a user for itself. */
const PAGE = Math.random().toString(36).slice(2, 12) || 'page';

/** The one that was read last. */
let known = '';

/** Whether there is a token to log out with. */
export const hasToken = (): boolean => known !== '';

/** The token, or an empty string to connect without one. Rejects when the server cannot be reached or is in trouble: the client asks again. */
export async function readToken(fetch: typeof globalThis.fetch, page = PAGE): Promise<string> {
  const response = await fetch(`/demo/token?page=${page}`);
  if (response.status === 404) return '';
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
