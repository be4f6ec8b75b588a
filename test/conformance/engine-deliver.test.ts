// What engine.ts promises of frames for one socket alone, on both engines.

import { afterEach, describe, expect, it } from 'vitest';
import { ENGINES, type EngineHost, startEngine } from '../support/engine-host.js';
import { linkTo } from '../support/engine-link.js';

describe.each(ENGINES)('frames for one socket alone on the %s engine', (name) => {
  const hosts: EngineHost[] = [];
  const start = async () => {
    const host = await startEngine(name);
    hosts.push(host);
    return host;
  };
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.close()));
  });

  it('sends what was delivered to a socket alone before whatever else is sent to it in the same turn', async () => {
    const host = await start();
    const { client, socket } = await linkTo(host);
    socket.subscribe('t');
    const deliver = (text: string): void => {
      if (socket.deliver === undefined) host.engine.publish('t', Buffer.from(text));
      else socket.deliver(Buffer.from(text));
    };
    const acts: readonly (() => void)[] = [
      () => socket.send('send'),
      () => host.engine.publish('t', Buffer.from('publish')),
      () => socket.cork(() => socket.send('corked')),
      () => socket.unsubscribe('t'),
      () => socket.close(4003, 'over'),
    ];
    for (const [index, act] of acts.entries()) {
      deliver(`delivered ${index}`);
      act();
    }
    const heard = ['delivered 0', 'send', 'delivered 1', 'publish', 'delivered 2', 'corked', 'delivered 3'];
    for (const text of heard) expect(await client.heard.next()).toBe(text);
    // Without its topic only an engine that delivers reaches it.
    if (socket.deliver !== undefined) expect(await client.heard.next()).toBe('delivered 4');
    expect(await client.closed).toBe('4003 over');
  });

  it('has copied what it delivers, sends it by itself, and counts it as buffered where the peer reads nothing', async () => {
    const host = await start();
    const { client, socket } = await linkTo(host);
    if (socket.deliver === undefined) return expect(name).toBe('ws');
    const memory = Buffer.from('one');
    socket.deliver(memory);
    memory.write('two');
    socket.deliver(memory);
    memory.write('six');
    expect([await client.heard.next(), await client.heard.next()]).toEqual(['one', 'two']);
    client.ws.pause();
    const much = Buffer.alloc(32 * 1024, 'x');
    let turns = 0;
    for (; socket.bufferedBytes() === 0 && turns < 1_000; turns++) socket.deliver(much);
    const before = socket.bufferedBytes();
    expect(before).toBeGreaterThan(0);
    socket.deliver(Buffer.from('small'));
    expect(socket.bufferedBytes()).toBeGreaterThan(before);
    client.ws.resume();
    for (let frame = 0; frame < turns; frame++) expect((await client.heard.next()).length).toBe(much.length);
  });

  it('sends what was delivered in the turn in which the engine closes', async () => {
    const host = await start();
    const { client, socket } = await linkTo(host);
    socket.subscribe('t');
    if (socket.deliver === undefined) socket.send('last');
    else socket.deliver(Buffer.from('last'));
    await host.engine.close();
    expect(await client.heard.next()).toBe('last');
  });
});
