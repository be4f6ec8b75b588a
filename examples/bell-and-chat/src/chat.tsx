// A chat room: the last lines, then what is said now.

import { useChannel } from 'fanfare-client/react';
import { type FormEvent, useState } from 'react';
import { type Channels, client } from './push.js';

type Line = Channels['chat:lobby'];

export function Chat({ room }: { readonly room: string }) {
  const { messages, error } = useChannel<Line>(`chat:${room}`, { last: 50 });
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');

  async function say(event: FormEvent) {
    event.preventDefault();
    try {
      await client.publish(`chat:${room}`, { text });
      setText('');
      setProblem('');
    } catch (failure) {
      setProblem(String(failure)); // its text stays in the field
    }
  }

  if (error) return <p role="alert">No chat for you: {error.code}</p>;
  return (
    <section aria-label="Chat">
      <ol>
        {messages.map(({ offset, time, data, from, isOwn }) => (
          <li key={offset}>
            <time>{time && new Date(time).toLocaleTimeString()}</time> {isOwn ? 'me' : (from?.user ?? 'someone')}:{' '}
            {data.text}
          </li>
        ))}
      </ol>
      <form onSubmit={say}>
        <input aria-label="Say" value={text} onChange={(event) => setText(event.target.value)} required />
        <button type="submit">Say it</button>
      </form>
      {problem && <p role="alert">{problem}</p>}
    </section>
  );
}
