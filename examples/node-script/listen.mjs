// Prints what comes on a channel: node listen.mjs demo:news

import { createClient } from 'fanfare-client';
import { WebSocket } from 'ws'; // Node 22 has one of its own

const client = createClient({ url: process.env.FANFARE_URL ?? 'http://127.0.0.1:8080', WebSocket });
process.once('SIGINT', () => client.close());

for await (const item of client.subscribe(process.argv[2] ?? 'demo:news', { last: 10, gaps: 'yield' })) {
  if (item.type === 'gap') console.error('some messages are gone:', item.reason);
  else console.log(JSON.stringify(item.data));
}
