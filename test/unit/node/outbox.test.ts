// Frames for single sockets that leave together at the end of their turn.

import { describe, expect, it } from 'vitest';
import { Outbox, type Receiver } from '../../../src/node/engines/uws/outbox.js';

class Socket implements Receiver {
  readonly #heard: string[];
  readonly #name: string;
  /** What it does when it is sent something. */
  react: (text: string) => void = () => {};

  constructor(name: string, heard: string[]) {
    this.#name = name;
    this.#heard = heard;
  }

  take(frame: Buffer): void {
    const text = frame.length > 100 ? String(frame.length) : frame.toString();
    this.#heard.push(`${this.#name} ${text}`);
    this.react(text);
  }

  cork(write: () => void): void {
    this.#heard.push(`${this.#name} (`);
    write();
    this.#heard.push(`${this.#name} )`);
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

function world() {
  const heard: string[] = [];
  const outbox = new Outbox();
  const [a, b] = [new Socket('a', heard), new Socket('b', heard)];
  return { heard, outbox, a, b };
}

describe('the outbox', () => {
  it('sends what a turn brought at its end, in order, each time', async () => {
    const { heard, outbox, a, b } = world();
    for (const round of ['1', '2']) {
      outbox.add(a, Buffer.from(`one${round}`));
      outbox.add(b, Buffer.from(`two${round}`));
      outbox.add(a, Buffer.from(''));
      expect(heard.splice(0)).toEqual([]);
      await Promise.resolve();
      expect(heard.splice(0)).toEqual([`a one${round}`, `b two${round}`, 'a ']);
    }
  });

  it('has copied a frame when it returns', () => {
    const { heard, outbox, a } = world();
    const memory = Buffer.from('one');
    outbox.add(a, memory);
    memory.write('six');
    outbox.flush();
    expect(heard).toEqual(['a one']);
  });

  it('sends nothing twice that was flushed before its turn ended', async () => {
    const { heard, outbox, a } = world();
    outbox.add(a, Buffer.from('one'));
    outbox.flush();
    outbox.add(a, Buffer.from('two'));
    expect(heard).toEqual(['a one']);
    await Promise.resolve();
    expect(heard).toEqual(['a one', 'a two']);
  });

  it('sends answers at the end of the turn, those of one socket in one write', async () => {
    const { heard, outbox, a, b } = world();
    for (const round of ['1', '2']) {
      outbox.addText(a, `connected${round}`);
      outbox.addText(a, 'größe ✓');
      outbox.addText(b, 'connected');
      await Promise.resolve();
      expect(heard.splice(0)).toEqual([]);
      await turn();
      expect(heard.splice(0)).toEqual(['a (', `a connected${round}`, 'a größe ✓', 'a )', 'b connected']);
    }
  });

  it('sends answers before what comes behind them, and that no later for them', async () => {
    const { heard, outbox, a, b } = world();
    outbox.addText(a, 'subscribed');
    outbox.add(b, Buffer.from('message'));
    await Promise.resolve();
    expect(heard).toEqual(['a subscribed', 'b message']);
  });

  it('passes on an answer that it may have no room for', () => {
    const { heard, outbox, a, b } = world();
    outbox.addText(b, 'first');
    outbox.addText(a, 'x'.repeat(22_000));
    expect(heard).toEqual(['b first', 'a 22000']);
  });

  it('holds 64 KiB and 512 frames at most, and passes on a larger frame behind what waits', () => {
    const { heard, outbox, a, b } = world();
    outbox.add(a, Buffer.from('first'));
    outbox.add(b, Buffer.alloc(64 * 1024));
    expect(heard.splice(0)).toEqual(['a first']);
    outbox.add(a, Buffer.alloc(64 * 1024 + 1));
    expect(heard.splice(0)).toEqual(['b 65536', 'a 65537']);
    for (let frame = 0; frame < 513; frame++) outbox.add(a, Buffer.from('x'));
    expect(heard.splice(0)).toHaveLength(514);
    outbox.flush();
    expect(heard).toEqual(['a x']);
  });

  it('keeps the order where somebody flushes, and adds, while it is being sent', () => {
    const { heard, outbox, a, b } = world();
    a.react = (text) => {
      if (text !== 'one') return;
      outbox.flush();
      outbox.add(b, Buffer.from('later'));
    };
    outbox.add(a, Buffer.from('one'));
    outbox.add(b, Buffer.from('two'));
    outbox.add(a, Buffer.from('three'));
    outbox.flush();
    expect(heard).toEqual(['a one', 'b two', 'a three', 'b later']);
  });

  it('keeps a frame whole that is added, up to the bound, while others are being sent', () => {
    const { heard, outbox, a, b } = world();
    a.react = () => outbox.add(b, Buffer.alloc(64 * 1024));
    outbox.add(a, Buffer.from('one'));
    outbox.add(b, Buffer.from('two'));
    outbox.flush();
    outbox.flush();
    expect(heard).toEqual(['a one', 'b two', 'b 65536']);
  });
});
