// A notification bell: what came for this user, on all of the user's devices.

import { useChannel } from 'fanfare-client/react';
import { useState } from 'react';

export function Bell({ user }: { readonly user: string }) {
  const { messages, gap } = useChannel<{ title: string }>(`user:${user}`, { last: 20 });
  const [seen, setSeen] = useState('');
  const unread = messages.filter(({ offset = '' }) => offset > seen).length;
  return (
    <section aria-label="Notifications">
      <button type="button" onClick={() => setSeen(messages.at(-1)?.offset ?? seen)}>
        🔔 <output>{unread}</output>
      </button>
      {gap && <p>Some notifications are gone: look at your inbox.</p>}
      <ul>
        {messages.map(({ offset, data }) => (
          <li key={offset}>{data.title}</li>
        ))}
      </ul>
    </section>
  );
}
