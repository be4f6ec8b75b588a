// Clients over TLS on three transports, and a backend that publishes to whichever node takes it, until the stage is over.

import { createHmac } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createClient } from '/opt/fanfare/node_modules/fanfare/dist/client-sdk/node.js';

const COUNT = Number(process.argv[2] ?? 60);
const URL = 'https://push.example.com';
const TRANSPORTS = ['websocket', 'sse', 'long-poll'];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const secret = (name) => readFileSync(`/etc/fanfare/${name}`, 'utf8').trim();

function token(sub) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub, iat: now, exp: now + 3_600, fanfare: { subscribe: ['news'] } };
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', secret('auth')).update(text).digest('base64url')}`;
}

const heard = Array.from({ length: COUNT }, () => []);
let gaps = 0;
let closed = 0;
const clients = heard.map((numbers, n) => {
  const client = createClient({ url: URL, token: () => token(`user-${n}`), transports: [TRANSPORTS[n % 3]] });
  client.on('state', ({ type }) => {
    if (type === 'closed') closed++;
  });
  client.subscribe('news', { after: '-1' }, ({ data }) => numbers.push(data)).on('gap', () => gaps++);
  return client;
});

async function publish(node, number) {
  const headers = { Authorization: `Bearer ${secret('publish')}`, 'Content-Type': 'application/json' };
  const body = JSON.stringify({ channel: 'news', data: number, key: `key-${number}` });
  const response = await fetch(`${URL}/n/${node}/v1/publish`, { method: 'POST', headers, body }).catch(() => undefined);
  await response?.arrayBuffer();
  return response?.status === 200;
}

let published = 0;
for (let attempts = 0; !existsSync('/run/units/over'); attempts++) {
  if (await publish((attempts % 2) + 1, published)) published++;
  if (heard.every(({ length }) => length > 0)) writeFileSync('/run/units/heard', '');
  await pause(50);
}
const isWhole = (numbers) => numbers.length === published && numbers.every((number, index) => number === index);
for (let tries = 0; tries < 100 && !heard.every(isWhole); tries++) await pause(200);
console.log(`result clients ${JSON.stringify({ published, whole: heard.filter(isWhole).length, gaps, closed })}`);
for (const client of clients) client.close();
process.exit();
