// Streams whose peers read nothing: they are cut, and their buffers are given back.

import { expect, it, vi } from 'vitest';
import { StreamLink } from '../../../src/node/clients/stream-link.js';
import { clientOf, nodeParts, PING_MS, stalledStream, ticket, tickets } from './link-parts.js';

it('cuts a stream that takes nothing of its replay', async () => {
  const { streamLink, links, channels, broker } = await nodeParts();
  const data = JSON.stringify('x'.repeat(50_000));
  for (let n = 0; n < 40; n++) await broker.healthy.publish({ channel: 'news', data });
  const { state, stream } = stalledStream();
  state.full = true;
  const connection = new StreamLink(streamLink, stream, clientOf(tickets.verify(ticket)));
  connection.start({ channels: new Map([['news', '-1']]), features: [] });
  while (state.bytes < 256 * 1024) await new Promise((resolve) => setImmediate(resolve));
  const at = performance.now();
  connection.due(at);
  expect(state.destroyed).toBe(false);
  for (let pings = 1; pings <= 3; pings++) connection.due(at + pings * PING_MS);
  expect(state.destroyed).toBe(true);
  expect(links.slowConsumers).toBe(1);
  expect(links.size).toBe(0);
  links.stop();
  channels.close();
});

it('gives back the buffer of an ended stream whose peer does not read', async () => {
  vi.useFakeTimers();
  try {
    const { streamLink, links, channels } = await nodeParts();
    const { state, stream } = stalledStream();
    links.start();
    const connection = new StreamLink(streamLink, stream, clientOf(tickets.verify(ticket)));
    state.full = true;
    connection.end('token_expired', 'the ticket has expired');
    expect(links.size).toBe(0);
    expect(state.bytes).toBeGreaterThan(0);
    vi.advanceTimersByTime(9_000);
    expect(state.destroyed).toBe(false);
    vi.advanceTimersByTime(2_000);
    expect(state.destroyed).toBe(true);
    links.stop();
    channels.close();
  } finally {
    vi.useRealTimers();
  }
});

it('leaves an ended stream alone whose peer reads', async () => {
  vi.useFakeTimers();
  try {
    const { streamLink, links, channels } = await nodeParts();
    const { state, stream } = stalledStream();
    links.start();
    const connection = new StreamLink(streamLink, stream, clientOf(tickets.verify(ticket)));
    state.full = true;
    connection.end('token_expired', 'the ticket has expired');
    vi.advanceTimersByTime(5_000);
    state.bytes = 0;
    vi.advanceTimersByTime(30_000);
    expect(state.destroyed).toBe(false);
    links.stop();
    channels.close();
  } finally {
    vi.useRealTimers();
  }
});
