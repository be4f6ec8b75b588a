// Asks the development server for a token; where it gives none, the page is anonymous.

/** The token, or an empty string to connect without one. Rejects when the server cannot be reached or is in trouble: the client asks again. */
export async function readToken(fetch: typeof globalThis.fetch): Promise<string> {
  const response = await fetch('/demo/token');
  if (response.status === 404) return '';
  if (!response.ok) throw new Error(`no token: ${response.status}`);
  const body: unknown = await response.json();
  const token = typeof body === 'object' && body !== null && 'token' in body ? body.token : undefined;
  return typeof token === 'string' ? token : '';
}
