// Something in between that answers in the servers' place: never a reason to give up, and noticed soon when it is gone.

import { afterEach, describe, expect, it } from 'vitest';
import type { FakeRequest } from './fakes/fake-network.js';
import { resume } from './fakes/socket-server.js';
import { assignment, offset, World } from './fakes/world.js';

let world: World;
afterEach(() => {
  world.client.close();
  expect(world.clock.pending).toBe(0);
});

const HTML = '<!DOCTYPE html><title>Welcome to the network</title>';
const ANSWERS: readonly (readonly [string, (request: FakeRequest) => void])[] = [
  ['200 with HTML', (request) => request.answer(200, HTML, { 'Content-Type': 'text/html' })],
  ['200 with an empty object', (request) => request.answer(200, {})],
  ['204', (request) => request.answer(204)],
  ['400 with HTML', (request) => request.answer(400, HTML)],
  ['505 with HTML, as for HTTP/1.0', (request) => request.answer(505, HTML)],
  ['401 with HTML', (request) => request.answer(401, HTML)],
  ['403 with a code of its own', (request) => request.answer(403, { code: 'blocked_by_policy', message: 'no' })],
  ['401 with a number as its code', (request) => request.answer(401, { code: 401 })],
  ['407', (request) => request.answer(407, HTML)],
  ['503 for a month', (request) => request.answer(503, HTML, { 'Retry-After': '2592000' })],
];
const RANDOM = [0.2, 0.999];
const SECONDS = 240;

/** Lets time pass; whatever comes to the node meanwhile is answered. */
async function pass(seconds: number, answer: (request: FakeRequest) => void) {
  for (let second = 0; second < seconds; second++) {
    await world.clock.advance(1_000);
    for (const socket of world.network.sockets.takeAll()) socket.close();
    for (const path of ['/v1/stream', '/v1/poll']) {
      while (world.network.waiting(path)[0]) {
        answer(await world.network.request(path));
        await world.clock.advance(0);
      }
    }
  }
}

/** By then the next try has come, and has what was missed. */
async function healed(seconds: number) {
  for (let left = seconds; left > 0 && world.network.sockets.waiting.length === 0; left--) {
    await world.clock.advance(1_000);
  }
  const [socket] = world.network.sockets.takeAll();
  await socket?.accept();
  if (socket) await resume(socket, 1);
  socket?.send({ type: 'message', channel: 'news', offset: offset(2), data: 2 } as never);
}

/** The longest time without a try. */
const longest = (triesMs: readonly number[]) => Math.max(...triesMs.map((ms, n) => ms - (triesMs[n - 1] ?? ms)));

describe.each(RANDOM)('with %d as what chance says', (random) => {
  it.each(ANSWERS)('%s from discovery closes nobody, and a try comes each 20 s', async (_what, answer) => {
    world = new World({ random: () => random });
    const triesMs: number[] = [];
    world.network.discovery = (request) => {
      triesMs.push(world.clock.monotonic());
      answer(request);
    };
    const news = world.subscribe('news', { after: offset(1) });
    await world.clock.advance(SECONDS * 1_000);
    expect(longest(triesMs)).toBeLessThanOrEqual(20_000);
    expect(triesMs.length).toBeGreaterThan(SECONDS / 20);
    expect(world.stateTypes).not.toContain('closed');
    world.network.discovery = (request) => request.answer(200, assignment());
    await healed(20);
    expect(news.data).toEqual([2]);
  });

  it.each(ANSWERS.filter(([what]) => what !== '204'))('%s from a node closes nobody either', async (_what, answer) => {
    world = new World({ random: () => random });
    const triesMs: number[] = [];
    world.network.discovery = (request) => {
      triesMs.push(world.clock.monotonic());
      request.answer(200, assignment());
    };
    const news = world.subscribe('news', { after: offset(1) });
    await pass(SECONDS, answer);
    // What is answered here within a second is answered at once elsewhere.
    expect(longest(triesMs)).toBeLessThanOrEqual(22_000);
    expect(world.stateTypes).not.toContain('closed');
    expect(news.subscription.state.type).toBe('pending');
    await healed(22);
    expect(news.data).toEqual([2]);
  });
});

it.each([
  ['no ticket', { ticket: undefined }],
  ['a ticket of no time', { expiresInMs: undefined }],
  ['no node', { node: undefined }],
  ['a node without a URL', { node: { id: 'n1' } }],
  ['no transports', { transports: undefined }],
] as const)('discovery’s answer with %s is none: it is asked again', async (_what, lack) => {
  world = new World();
  world.network.discovery = (request) => request.answer(200, assignment(lack));
  world.subscribe('news');
  await world.clock.advance(0);
  expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'network' });
  expect(world.errors).toMatchObject([{ code: 'network', message: 'http://discovery.test/v1/connect: not discovery' }]);
  expect(world.network.sockets.waiting).toEqual([]);
});
