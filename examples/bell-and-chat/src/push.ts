// The page's one client, and what the channels of this application hold.

import { createClient } from 'fanfare-client';

export interface Channels {
  news: { title: string };
  [user: `user:${string}`]: { title: string };
  [room: `chat:${string}`]: { text: string };
}

/** A real page knows its user from its session. */
export const user = new URLSearchParams(location.search).get('user') ?? 'anna';

export const client = createClient<Channels>({
  url: import.meta.env.VITE_FANFARE_URL ?? 'http://127.0.0.1:8080',
  token: pushToken,
});

async function pushToken({ signal }: { readonly signal: AbortSignal }) {
  const response = await fetch(`/push-token?user=${user}`, { signal }); // made by your backend
  if (response.status === 401) return null; // logged out: the client closes
  if (!response.ok) throw new Error(`no token: ${response.status}`); // the client asks again in a moment
  return response.text();
}

// While you develop: the module is loaded anew, and its client with it.
import.meta.hot?.dispose(() => client.close());
