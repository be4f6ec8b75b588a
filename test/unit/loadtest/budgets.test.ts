// What the bench asks for: the budgets of its scenarios, and the figures that are made for them.

import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Budget, verdict } from '../../../loadtest/figures.js';
import { connectToRedis } from '../../../loadtest/publisher.js';
import { BUDGETS } from '../../../loadtest/scenarios/budgets.js';
import { memoryFigures } from '../../../loadtest/scenarios/connections.js';
import { leastOf, unusedHeapBytes } from '../../../loadtest/scenarios/settled-memory.js';

const said = (budget: Budget, value: number) => verdict({ what: '', values: [value], unit: '', digits: 2, budget });

describe('a budget', () => {
  // What is asked for, and the least that does not fail.
  it.each<[string, Budget, number, number]>([
    ['flooded, uws', BUDGETS.flooded.uws, 0.95, 0.93],
    ['flooded, ws', BUDGETS.flooded.ws, 2.3, 2],
    ['joined', BUDGETS.joined.uws, 1.5, 1.23],
    ['joined, beside a loop that joins', BUDGETS.besideJoining.uws, 0.9, 0.85],
    ['paced, uws', BUDGETS.paced.uws, 0.95, 0.945],
    ['paced, ws', BUDGETS.paced.ws, 0.85, 0.8],
    ['own channels, uws', BUDGETS.own.uws, 0.9, 0.8],
    ['own channels, ws', BUDGETS.own.ws, 0.5, 0.415],
    ['polls, uws', BUDGETS.polls.uws, 0.75, 0.555],
    ['polls, ws', BUDGETS.polls.ws, 0.4, 0.29],
    ['connects', BUDGETS.connects.besideBare, 0.7, 0.625],
    ['publishes to many', BUDGETS.publishes.many, 2, 1.5],
    ['publishes to one', BUDGETS.publishes.one, 3, 2],
  ])('of %s is met from above', (_, budget, goal, floor) => {
    expect([goal + 0.01, goal, goal - 0.001, floor, floor - 0.001].map((value) => said(budget, value))).toEqual([
      'met',
      'met',
      'above the floor',
      'above the floor',
      'missed',
    ]);
  });

  it.each<[string, Budget, number, number]>([
    ['memory on one channel', BUDGETS.memory.shared, 0.7, 0.9],
    ['memory on own channels', BUDGETS.memory.own, 2.2, 2.75],
    ['idle links', BUDGETS.idle.uws, 1.3, 1.5],
    ['latency', BUDGETS.latency.uws, 1.5, 5],
  ])('of %s is met from below', (_, budget, goal, floor) => {
    expect([goal - 0.01, goal, goal + 0.001, floor, floor + 0.001].map((value) => said(budget, value))).toEqual([
      'met',
      'met',
      'above the floor',
      'above the floor',
      'missed',
    ]);
  });
});

it('fails with one read of a log more than is asked for, where a thousand resume from one offset', () => {
  expect([1, 2, 3].map((reads) => said(BUDGETS.resume.reads, reads))).toEqual(['met', 'met', 'missed']);
});

describe('memory', () => {
  it('is held against its budget as what is more than the bare thing takes in the same round', () => {
    const figures = memoryFigures('memory', [
      [1, 2],
      [1.5, 3.25],
      [4, 4],
      [9, 10],
    ]);
    expect(figures.map(({ values, unit, budget }) => [unit, values, budget?.goal])).toEqual([
      ['KiB', [1, 2], undefined],
      ['KiB more than bare', [0.5, 1.25], 0.7],
      ['KiB', [1.5, 3.25], undefined],
      ['KiB more than bare', [3, 2], 2.2],
      ['KiB', [4, 4], undefined],
      ['KiB more than bare', [8, 8], undefined],
      ['KiB', [9, 10], undefined],
    ]);
  });

  it('is looked at until three collections in a row have given nothing back', async () => {
    const MIB = 1024 ** 2;
    const looks = [90, 80, 80.1, 80, 60, 60.1, 59.9, 60, 1].map((mib) => mib * MIB);
    const seen: number[] = [];
    const least = await leastOf(async () => {
      seen.push(looks[seen.length] ?? Number.NaN);
      return seen.at(-1) ?? Number.NaN;
    });
    expect({ least, looks: seen.length }).toEqual({ least: 59.9 * MIB, looks: 8 });
  });

  it('is told without the empty parts of a heap, as the server says them by its title', () => {
    const titled = (title: string) => ({ read: (path: string) => (path === '7/cmdline' ? title : ''), list: () => [] });
    expect(unusedHeapBytes(titled('unused heap 4096\0\0'), 7)).toBe(4096);
    expect(() => unusedHeapBytes(titled('node\0dist/src/cli/main.js\0'), 7)).toThrow(
      'the server 7 has collected no garbage',
    );
  });

  it('is told where it never comes to rest', async () => {
    let bytes = 1024 ** 3;
    let looks = 0;
    const look = async () => {
      looks += 1;
      bytes -= 1024 ** 2;
      return bytes;
    };
    expect(await leastOf(look)).toBe(bytes);
    expect(looks).toBe(12);
  });
});

describe('a publisher of several messages by one call', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  /** To a server that answers whatever it is sent with that. */
  async function settlesOn(answer: string): Promise<string> {
    const opened = createServer((socket) => socket.on('data', () => socket.write(answer)));
    server = opened;
    const port = await new Promise<number>((resolve) => {
      opened.listen(0, '127.0.0.1', () => resolve((opened.address() as { port: number }).port));
    });
    const publisher = await connectToRedis({ host: '127.0.0.1', port });
    publisher.send(Buffer.from('x'), 2);
    try {
      return await publisher.settled().then(
        () => 'settled',
        (error: Error) => error.message,
      );
    } finally {
      publisher.close();
    }
  }

  it('has as many answers as messages', async () => {
    expect(await settlesOn('*2\r\n$3\r\n001\r\n$3\r\n002\r\n')).toBe('settled');
  });

  it('hears of one that was refused among them', async () => {
    expect(await settlesOn('*2\r\n$3\r\n001\r\n$8\r\nTOOLARGE\r\n')).toBe('Redis refused: TOOLARGE');
  });
});
