// Publishes with node-redis: node node-redis.mjs <redis URL> <task> [argument]
import { createClient } from 'redis';

const [url, task, argument] = process.argv.slice(2);
const client = await createClient({ url }).connect();

/** The channel of a user whose token has this sub, where tokens grant user:${sub}. */
function userChannel(sub) {
  const escaped = [...Buffer.from(sub)].map((byte) => {
    const letter = String.fromCharCode(byte);
    return /[A-Za-z0-9_.@+~-]/.test(letter) ? letter : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  });
  return `user:${escaped.join('')}`;
}

/** Stores the message and reaches who listens; with a key, once, however often it is repeated within 10 minutes. */
function publish(channel, data, ...key) {
  return client.sendCommand(['FCALL', 'fanfare_publish', '1', channel, JSON.stringify(data), ...key]);
}

/** Both messages or none; and what else of yours is in the same Redis. */
function transaction(order) {
  const both = client.multi();
  for (const channel of [`order:${order}`, 'orders']) {
    both.addCommand(['FCALL', 'fanfare_publish', '1', channel, JSON.stringify({ order }), `order-${order}`]);
  }
  return both.exec();
}

/** A message of its own to each of many users, 128 by one call. Calls of one turn go out together. */
async function everyone(count) {
  const users = Array.from({ length: count }, (_, n) => String(n));
  const calls = [];
  for (let at = 0; at < count; at += 128) {
    const part = users.slice(at, at + 128);
    const data = part.map((user) => JSON.stringify({ hello: user }));
    calls.push(['FCALL', 'fanfare_publish_many', String(part.length), ...part.map(userChannel), ...data]);
  }
  const offsets = (await Promise.all(calls.map((call) => client.sendCommand(call)))).flat();
  // What does not begin with a digit is the error that this one would have had alone; the others are stored.
  const at = offsets.findIndex((offset) => !/^\d/.test(offset));
  if (at !== -1) throw new Error(`${userChannel(users[at])}: ${offsets[at]}`);
  return offsets;
}

/** Rows of an outbox (id, channel, data), in their order: as often as it is repeated, each is stored once. Delete them after it. */
async function relay(rows) {
  const offsets = [];
  for (const { id, channel, data } of rows) offsets.push(await publish(channel, data, `outbox-${id}`));
  return offsets;
}

const tasks = {
  publish: () => publish('news', { hello: 'node-redis' }, 'hello-node-redis'),
  transaction: () => transaction(17),
  everyone: () => everyone(Number(argument)),
  relay: () => relay(JSON.parse(argument)),
  channel: () => userChannel(argument),
};
console.log(JSON.stringify(await tasks[task]()));
await client.close();
