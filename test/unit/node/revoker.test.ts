// Links that cannot be ended: those beside them end all the same, and nobody is told that the revocation is in force before they have.

import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { anonymousIdentity } from '../../../src/auth/anonymous.js';
import { createMemoryRevocations } from '../../../src/cluster/memory-revocations.js';
import { Revocations } from '../../../src/cluster/revocations.js';
import { Namespaces } from '../../../src/config/namespaces.js';
import type { Channels } from '../../../src/node/channels/channels.js';
import type { Link } from '../../../src/node/clients/links.js';
import { endLinks } from '../../../src/node/revoker.js';
import { PollWait, WaitingRoom, type WaitOwner } from '../../../src/node/transports/poll-wait.js';
import { RecordingLogger } from '../../support/recording-logger.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** What is ended of one user; it throws as often as `failures` says. */
class Ended {
  readonly transport = 'websocket';
  readonly identity = { ...anonymousIdentity(new Namespaces(), 0), user: 'u1' };
  ended = 0;
  failures = 0;

  end(): void {
    if (this.failures-- > 0) throw new Error('cannot end');
    this.ended++;
  }
}

/** A node with three links and three polls of u1. */
async function open() {
  const log = createMemoryRevocations();
  const logger = new RecordingLogger();
  const links = [new Ended(), new Ended(), new Ended()] as const;
  const polls = [new Ended(), new Ended(), new Ended()] as const;
  const room = new WaitingRoom();
  for (const poll of polls) {
    const owner: WaitOwner = { woken() {}, expired() {}, move() {}, endFor: () => poll.end() };
    room.enter(new PollWait(room, {} as Channels, owner), performance.now() + 3_600_000);
  }
  const revocations = new Revocations({ log, member: 'n1', falsePositives: 0.001, logger });
  onTestFinished(async () => {
    await revocations.close();
    room.close();
  });
  revocations.onEnding((ending) => endLinks(ending, { all: () => links as unknown as Iterable<Link> }, room));
  await revocations.start();
  const ended = () => [...links, ...polls].map((one) => one.ended > 0);
  const order = { kind: 'ban', name: 'u1', lifeMs: 3_600_000 } as const;
  return { log, logger, links, polls, revocations, ended, revoke: () => log.add(order) };
}

it.each([
  ['a link', 'links'],
  ['a poll', 'polls'],
] as const)(
  '%s that cannot be ended keeps no other from it, and the revocation from being confirmed',
  async (_, kind) => {
    const { log, logger, revocations, ended, revoke, ...all } = await open();
    all[kind][1].failures = 2;
    const added = await revoke();
    await revocations.readNow();
    const rest = [...all.links, ...all.polls].map((one) => one !== all[kind][1]);
    expect(ended()).toEqual(rest);
    expect(await log.behind(added)).toEqual(['n1']);
    await vi.advanceTimersByTimeAsync(250);
    expect(await log.behind(added)).toEqual(['n1']);
    await vi.advanceTimersByTimeAsync(250);
    expect(ended()).toEqual([true, true, true, true, true, true]);
    expect(await log.behind(added)).toEqual([]);
    expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    expect(revocations.status().ok).toBe(true);
  },
);

it('a revocation that is withdrawn before all its links have ended is tried no more', async () => {
  const { log, links, revocations, revoke } = await open();
  links[1].failures = 1;
  const { revocation } = await revoke();
  await revocations.readNow();
  await log.withdraw(revocation.id);
  await revocations.readNow();
  expect(links.map(({ ended }) => ended)).toEqual([1, 0, 1]);
});

it('what comes while links are owed their end is in force', async () => {
  const { log, links, revocations, revoke } = await open();
  links[1].failures = 1_000;
  await revoke();
  await revocations.readNow();
  await log.add({ kind: 'ban', name: 'u2', lifeMs: 3_600_000 });
  await revocations.readNow();
  const check = async () => revocations.check({ user: 'u2', tokenId: undefined, issuedAtMs: 0 });
  await expect(check()).rejects.toMatchObject({ code: 'revoked' });
});
