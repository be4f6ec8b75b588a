// What engine.ts promises of WebSockets, on both engines.

import { afterEach, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { ENGINES, type EngineHost, type HostSetup, startEngine } from '../support/engine-host.js';
import { Client, linkTo } from '../support/engine-link.js';

describe.each(ENGINES)('WebSockets on the %s engine', (name) => {
  const hosts: EngineHost[] = [];
  const start = async (setup?: HostSetup) => {
    const host = await startEngine(name, setup);
    hosts.push(host);
    return host;
  };
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.close()));
  });

  it('hands over text frames in order, as they were sent, and sends text and bytes back', async () => {
    const host = await start({
      options: { maxFrameBytes: 100_000 },
      react: (event, socket) => {
        if (event.startsWith('text ')) socket.send(event.slice(5));
      },
    });
    const { client, socket } = await linkTo(host);
    const texts = ['', 'grüße 🎉', 'a'.repeat(125), 'b'.repeat(126), 'é'.repeat(30_000), 'c'.repeat(70_000)];
    for (const text of texts) client.ws.send(text);
    for (const text of texts) expect(await client.heard.next()).toBe(text);
    socket.send(Buffer.from('bytes'));
    expect(await client.heard.next()).toBe('bytes');
  });

  it('tells of binary frames, of frames over the limit with their size, and keeps the link', async () => {
    const { client, handler } = await linkTo(await start());
    client.ws.send(Buffer.alloc(10));
    client.ws.send('x'.repeat(1_000));
    client.ws.send('x'.repeat(1_001));
    client.ws.send('last');
    expect(await handler.events.next()).toBe('binary');
    expect(await handler.events.next()).toBe(`text ${'x'.repeat(1_000)}`);
    expect(await handler.events.next()).toBe('tooLarge 1001');
    expect(await handler.events.next()).toBe('text last');
  });

  it('drops the link at a frame over four times the limit', async () => {
    const { client, handler } = await linkTo(await start());
    client.ws.send('x'.repeat(4_001));
    expect(await handler.events.next()).toBe('close 1006');
    await client.closed;
  });

  it('publishes to the subscribers of a topic, in order, and to nobody else', async () => {
    const host = await start();
    const links = [await linkTo(host), await linkTo(host), await linkTo(host)] as const;
    links[0].socket.subscribe('a');
    links[1].socket.subscribe('a');
    links[1].socket.subscribe('b');
    links[1].socket.subscribe('b');
    for (let index = 0; index < 500; index++) {
      host.engine.publish('a', Buffer.from(`a${index}`));
      host.engine.publish('b', Buffer.from(`b${index}`));
      if (index % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    host.engine.publish('nobody', Buffer.from('nothing'));
    for (const { socket } of links) socket.send('end');
    const all: string[][] = [];
    for (const { client } of links) {
      const heard: string[] = [];
      for (let text = await client.heard.next(); text !== 'end'; text = await client.heard.next()) heard.push(text);
      all.push(heard);
    }
    const sequence = (topic: string) => Array.from({ length: 500 }, (_, index) => `${topic}${index}`);
    expect(all[0]).toEqual(sequence('a'));
    expect(all[1]?.filter((text) => text.startsWith('a'))).toEqual(sequence('a'));
    expect(all[1]?.filter((text) => text.startsWith('b'))).toEqual(sequence('b'));
    expect(all[2]).toEqual([]);
  });

  it('sends frames of every size to a topic whole', async () => {
    const host = await start();
    const { client, socket } = await linkTo(host);
    socket.subscribe('t');
    const sizes = [1, 125, 126, 65_535, 65_536, 300_000, 2];
    for (const size of sizes) host.engine.publish('t', Buffer.alloc(size, 'x'));
    for (const size of sizes) expect((await client.heard.next()).length).toBe(size);
  });

  it('has copied a frame when publish or send returns', async () => {
    const host = await start();
    const { client, socket } = await linkTo(host);
    socket.subscribe('t');
    const memory = Buffer.alloc(3);
    memory.write('one');
    host.engine.publish('t', memory);
    memory.write('two');
    socket.send(memory);
    memory.write('six');
    expect([await client.heard.next(), await client.heard.next()]).toEqual(['one', 'two']);
  });

  it('keeps the order of publish, send, subscribe and unsubscribe within one tick', async () => {
    const host = await start();
    const { client, socket } = await linkTo(host);
    const other = await linkTo(host);
    other.socket.subscribe('t');
    host.engine.publish('t', Buffer.from('before'));
    socket.subscribe('t');
    socket.subscribe('u');
    host.engine.publish('t', Buffer.from('one'));
    socket.send('two');
    host.engine.publish('t', Buffer.from('three'));
    socket.unsubscribe('t');
    host.engine.publish('t', Buffer.from('after'));
    host.engine.publish('u', Buffer.from('four'));
    socket.close(4000, 'five');
    for (const text of ['one', 'two', 'three', 'four']) expect(await client.heard.next()).toBe(text);
    expect(await client.closed).toBe('4000 five');
    expect(client.heard.waiting).toEqual([]);
    for (const text of ['before', 'one', 'three', 'after']) expect(await other.client.heard.next()).toBe(text);
  });

  it('may be subscribed again in the tick in which it left', async () => {
    const host = await start();
    const { client, socket } = await linkTo(host);
    for (const text of ['1', '2', '3']) {
      socket.subscribe('t');
      host.engine.publish('t', Buffer.from(text));
      socket.unsubscribe('t');
      host.engine.publish('t', Buffer.from('not for you'));
    }
    socket.unsubscribe('never');
    socket.send('end');
    for (const text of ['1', '2', '3', 'end']) expect(await client.heard.next()).toBe(text);
  });

  it('takes a frame as its own: a buffer may be used again after publish', async () => {
    const host = await start();
    const { client, socket } = await linkTo(host);
    socket.subscribe('t');
    const buffer = Buffer.from('first');
    host.engine.publish('t', buffer);
    buffer.write('wrong');
    expect(await client.heard.next()).toBe('first');
  });

  it('corks what a function sends, in order', async () => {
    const host = await start();
    const { client, socket } = await linkTo(host);
    socket.subscribe('t');
    host.engine.publish('t', Buffer.from('0'));
    socket.cork(() => {
      for (const text of ['1', '2', '3']) socket.send(text);
    });
    for (const text of ['0', '1', '2', '3']) expect(await client.heard.next()).toBe(text);
  });

  it('pings, and tells of the pong; answers pings itself', async () => {
    const { client, handler, socket } = await linkTo(await start());
    socket.ping();
    expect(await handler.events.next()).toBe('pong');
    const pong = new Promise((resolve) => client.ws.once('pong', (data) => resolve(String(data))));
    client.ws.ping('are you there');
    expect(await pong).toBe('are you there');
  });

  it.each(['open', 'text', 'binary', 'tooLarge', 'pong'])(
    'closes with 4006 the one socket whose handler throws in %s',
    async (method) => {
      let armed = false;
      const host = await start({
        react: (event) => {
          if (armed && event.startsWith(method)) throw new Error('in a handler');
        },
      });
      const other = await linkTo(host);
      const victim = new Client(host);
      armed = true;
      const handler = await host.accepted.next();
      victim.ws.on('open', () => {
        if (method === 'text') victim.ws.send('x');
        if (method === 'binary') victim.ws.send(Buffer.alloc(1));
        if (method === 'tooLarge') victim.ws.send('x'.repeat(2_000));
        if (method === 'pong') victim.ws.pong();
      });
      expect(await victim.closed).toMatch(/^4006 /);
      const events = [await handler.events.next(), await handler.events.next()];
      if (method !== 'open') events.push(await handler.events.next());
      expect(events.at(-1)).toBe('close 4006');
      expect(host.failures).toHaveLength(1);
      armed = false;
      other.client.ws.send('alive');
      expect(await other.handler.events.next()).toBe('text alive');
    },
  );

  it('survives a handler that throws in close', async () => {
    const host = await start({
      react: (event) => {
        if (event.startsWith('close')) throw new Error('in close');
      },
    });
    const { client, handler } = await linkTo(host);
    client.ws.close(1000);
    expect(await handler.events.next()).toBe('close 1000');
    await client.closed;
    expect(host.failures).toHaveLength(1);
    await linkTo(host);
  });

  it('tells the code of the peer: its own, 1005 without one, 1006 without goodbye', async () => {
    const host = await start();
    const partings: readonly (readonly [(ws: WebSocket) => void, string])[] = [
      [(ws) => ws.close(4321, 'bye'), 'close 4321'],
      [(ws) => ws.close(), 'close 1005'],
      [(ws) => ws.terminate(), 'close 1006'],
    ];
    for (const [part, event] of partings) {
      const { client, handler } = await linkTo(host);
      part(client.ws);
      expect(await handler.events.next()).toBe(event);
      await client.closed;
      expect(handler.events.waiting).toEqual([]);
    }
  });

  it('closes with code and reason, tells its handler once, and is a no-op from then on', async () => {
    const host = await start();
    const { client, handler, socket } = await linkTo(host);
    socket.subscribe('t');
    socket.close(4501, 'ü'.repeat(100));
    expect(await handler.events.next()).toBe('close 4501');
    expect(await client.closed).toBe(`4501 ${'ü'.repeat(61)}`);
    socket.send('x');
    socket.ping();
    socket.subscribe('u');
    socket.unsubscribe('t');
    socket.cork(() => socket.send('y'));
    socket.close(4000, 'again');
    host.engine.publish('t', Buffer.from('nobody'));
    host.engine.publish('u', Buffer.from('nobody'));
    expect(socket.bufferedBytes()).toBe(0);
    await (await linkTo(host)).handler.socket;
    expect(handler.events.waiting).toEqual([]);
    expect(host.failures).toEqual([]);
  });

  it('hears nothing more after it was closed from this side', async () => {
    const host = await start({ react: (event, socket) => event === 'text 1' && socket.close(4500, 'enough') });
    const { client, handler } = await linkTo(host);
    for (const text of ['1', '2', '3']) client.ws.send(text);
    expect(await client.closed).toBe('4500 enough');
    expect([await handler.events.next(), await handler.events.next()]).toEqual(['text 1', 'close 4500']);
    expect(handler.events.waiting).toEqual([]);
  });
});
