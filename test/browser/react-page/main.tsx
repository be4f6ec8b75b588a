// A page that uses the hooks on a server in memory; the test clicks, publishes and counts.

import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { createClient } from '../../../client-sdk/index.js';
import { FanfareProvider, useChannel, useClientState } from '../../../client-sdk/react.js';
import { createTestServer } from '../../../client-sdk/testing/index.js';

const server = createTestServer();
/** Whom discovery says that the client is. */
let user: string | null = null;
const setUser = (name: string) => {
  user = name;
};
const { fetch = globalThis.fetch, ...options } = server.options;
const client = createClient({
  ...options,
  fetch: async (url, init) => {
    const answer = await fetch(url, init);
    return url.endsWith('/v1/connect') ? Response.json({ ...((await answer.json()) as object), user }) : answer;
  },
});
/** What each rendering of the list has shown. */
const shown: string[] = [];

function List({ channel }: { readonly channel: string | null }) {
  const { messages, gap, state, error } = useChannel<number>(channel, { last: 3, keep: 5 });
  const text = messages.map(({ channel: from, data }) => `${from} ${data}`).join(', ');
  shown.push(`${channel}: ${text}`);
  return (
    <>
      <output id="list">{text}</output>
      <output id="gap">{gap?.reason}</output>
      <output id="channel-state">{state.type}</output>
      <output id="error">{error?.code}</output>
      <output id="error-text">{error?.message}</output>
    </>
  );
}

function Page() {
  const [channel, setChannel] = useState<string | null>('a');
  const [isThere, setThere] = useState(true);
  Object.assign(globalThis, { setChannel, setThere });
  return (
    <>
      <output id="state">{useClientState().type}</output>
      {isThere && <List channel={channel} />}
    </>
  );
}

Object.assign(globalThis, { server, client, shown, setUser });
const root = document.createElement('div');
document.body.append(root);
createRoot(root).render(
  <StrictMode>
    <FanfareProvider client={client}>
      <Page />
    </FanfareProvider>
  </StrictMode>,
);
