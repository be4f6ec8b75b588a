// Publishes with ioredis: node ioredis.mjs <redis URL> <task> [argument]
import { Redis } from 'ioredis';

const [url, task, argument] = process.argv.slice(2);
const redis = new Redis(url, { keyPrefix: 'shop:' });
// Whatever the client is asked for, ioredis puts its prefix before keys, and a channel's name is one to it: without it, then.
const fanfare = redis.duplicate({ keyPrefix: '' });

/** Stores the message and reaches who listens; with a key, once, however often it is repeated within 10 minutes. */
function publish(channel, data, ...key) {
  return fanfare.fcall('fanfare_publish', 1, channel, JSON.stringify(data), ...key);
}

/** Both messages or none; and what else of yours is in the same Redis. */
async function transaction(order) {
  const both = fanfare.multi();
  for (const channel of [`order:${order}`, 'orders']) {
    both.fcall('fanfare_publish', 1, channel, JSON.stringify({ order }), `order-${order}`);
  }
  return (await both.exec()).map(([error, offset]) => {
    if (error) throw error;
    return offset;
  });
}

/** A message of its own to each of many users, 128 by one call. */
async function everyone(count) {
  const users = Array.from({ length: count }, (_, n) => String(n));
  const pipe = fanfare.pipeline();
  for (let at = 0; at < count; at += 128) {
    const part = users.slice(at, at + 128);
    const data = part.map((user) => JSON.stringify({ hello: user }));
    pipe.fcall('fanfare_publish_many', part.length, ...part.map((user) => `user:${user}`), ...data);
  }
  const offsets = (await pipe.exec()).flatMap(([error, answers]) => {
    if (error) throw error;
    return answers;
  });
  // What does not begin with a digit is the error that this one would have had alone; the others are stored.
  const at = offsets.findIndex((offset) => !/^\d/.test(offset));
  if (at !== -1) throw new Error(`user:${users[at]}: ${offsets[at]}`);
  return offsets;
}

/** Rows of an outbox (id, channel, data), in their order: as often as it is repeated, each is stored once. Delete them after it. */
async function relay(rows) {
  const offsets = [];
  for (const { id, channel, data } of rows) offsets.push(await publish(channel, data, `outbox-${id}`));
  return offsets;
}

const tasks = {
  publish: () => publish('news', { hello: 'ioredis' }, 'hello-ioredis'),
  transaction: () => transaction(17),
  everyone: () => everyone(Number(argument)),
  relay: () => relay(JSON.parse(argument)),
};
console.log(JSON.stringify(await tasks[task]()));
redis.disconnect();
fanfare.disconnect();
