// Faults of Redis servers: stopped, restarted, emptied, without their library, with their subscribers thrown out.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../support/eventually.js';
import type { RedisServer } from '../support/redis.js';
import { SHAPES } from './beds.js';
import type { Fault, Stage } from './fault.js';
import { pickMember } from './pick-member.js';

const EFFECT_WITHIN_MS = 10_000;
/** Long messages for a subscriber that does not read, against a limit on what waits for it. */
const BURST = 200;
const SMALL_LIMIT = 'pubsub 262144 0 0';
const DEFAULT_LIMIT = 'pubsub 33554432 8388608 60';

async function only({ bed }: Stage): Promise<RedisServer> {
  const [server] = await bed.masters();
  if (server === undefined) throw new Error('there is no master');
  return server;
}

/** The connections of subscribers, by Redis' number for each: those that were cut off have others when they come back. */
async function subscribers({ admin }: RedisServer): Promise<ReadonlySet<string>> {
  const list = String(await admin.call('CLIENT', 'LIST', 'TYPE', 'PUBSUB'));
  return new Set([...list.matchAll(/^id=(\d+)/gm)].map(([, id = '']) => id));
}

const nothing = async () => undefined;

export const REDIS_FAULTS: readonly Fault[] = [
  {
    name: 'Redis stopped (SIGSTOP)',
    shapes: ['single'],
    damage: 'none',
    holdMs: [2_000, 8_000],
    async begin(stage) {
      const server = await only(stage);
      server.pause();
      return {
        detail: 'Redis does not answer',
        async heal() {
          server.resume();
          return undefined;
        },
      };
    },
  },
  {
    name: 'Redis killed, restarted with its file',
    shapes: ['single'],
    damage: 'none',
    holdMs: [500, 4_000],
    async begin(stage) {
      const server = await only(stage);
      await server.kill();
      return {
        detail: 'Redis is gone',
        async heal() {
          await server.restart();
          return `${await server.admin.dbsize()} keys were loaded`;
        },
      };
    },
  },
  {
    name: 'Redis killed, restarted empty',
    shapes: ['single'],
    damage: 'all',
    holdMs: [500, 3_000],
    async begin(stage) {
      const server = await only(stage);
      await server.kill();
      await rm(join(server.directory, 'appendonlydir'), { recursive: true });
      return {
        detail: 'Redis is gone with its file',
        async heal() {
          await server.restart();
          return undefined;
        },
      };
    },
  },
  {
    name: 'FLUSHALL',
    shapes: ['single'],
    damage: 'all',
    holdMs: [0, 0],
    async begin(stage) {
      const { admin } = await only(stage);
      const keys = await admin.dbsize();
      await admin.flushall();
      return { detail: `${keys} keys were dropped`, heal: nothing };
    },
  },
  {
    name: 'FUNCTION FLUSH',
    shapes: SHAPES,
    damage: 'none',
    holdMs: [0, 0],
    async begin({ bed }) {
      const masters = await bed.masters();
      await Promise.all(masters.map(({ admin }) => admin.call('FUNCTION', 'FLUSH')));
      await eventually(async () => {
        const lists = await Promise.all(masters.map(({ admin }) => admin.call('FUNCTION', 'LIST')));
        return lists.every((list) => Array.isArray(list) && list.length > 0) || 'the library is not back';
      }, EFFECT_WITHIN_MS);
      return { detail: `${masters.length} masters lost the library, and have it again`, heal: nothing };
    },
  },
  {
    name: 'CLIENT KILL TYPE pubsub',
    shapes: SHAPES,
    damage: 'none',
    holdMs: [0, 0],
    async begin({ bed }) {
      const masters = await bed.masters();
      const killed = await Promise.all(masters.map(({ admin }) => admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')));
      const count = killed.reduce<number>((sum, n) => sum + Number(n), 0);
      if (count === 0) throw new Error('nobody was subscribed');
      return { detail: `${count} subscribers were thrown out`, heal: nothing };
    },
  },
  {
    name: 'client-output-buffer-limit cuts a node off',
    shapes: ['single'],
    damage: 'none',
    holdMs: [0, 0],
    async begin(stage) {
      const server = await only(stage);
      const member = await pickMember(stage.random, stage.fleet.members);
      const before = await subscribers(server);
      const isOneCut = async () => {
        const now = await subscribers(server);
        return [...before].some((id) => !now.has(id));
      };
      await server.admin.config('SET', 'client-output-buffer-limit', SMALL_LIMIT);
      member.redisLink?.hold();
      try {
        for (let tries = 0; !(await isOneCut()); tries++) {
          if (tries > 10) throw new Error('nobody was cut off');
          await stage.burst(BURST);
        }
      } finally {
        await server.admin.config('SET', 'client-output-buffer-limit', DEFAULT_LIMIT);
        member.redisLink?.heal();
      }
      return { detail: `${member.id} did not read and was cut off`, nodes: [member.id], heal: nothing };
    },
  },
];
