// Puts bell and chat onto the page.

import { FanfareProvider, useClientState } from 'fanfare-client/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Bell } from './bell.js';
import { Chat } from './chat.js';
import { client, user } from './push.js';

function Status() {
  const state = useClientState();
  return <p role="status">{state.type}</p>;
}

const root = document.getElementById('root');
if (!root) throw new Error('no #root in the page');
createRoot(root).render(
  <StrictMode>
    <FanfareProvider client={client}>
      <Status />
      <Bell user={user} />
      <Chat room="lobby" />
    </FanfareProvider>
  </StrictMode>,
);
