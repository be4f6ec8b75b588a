// Faults of wall clocks: a node's and Redis' step forward and back.

import { SocketClient } from '../support/feed.js';
import { SHAPES } from './beds.js';
import type { Fault } from './fault.js';
import type { Fleet, Member } from './fleet.js';
import { pickMember } from './pick-member.js';

/** Below the life of a ticket, above every other time that a node keeps. */
const NODE_STEP_S = 1_200;
const REDIS_STEP_S = 45;

/** What the node makes of a fresh ticket by its own clock. Throws when that is what the true time would make of it. */
async function noticed(fleet: Fleet, member: Member, seconds: number): Promise<string> {
  const { ticket, expiresInMs } = await fleet.ticket();
  const client = new SocketClient(member.url);
  client.connect(ticket);
  const event = await client.events.nextOf('connected', 'closed');
  client.close();
  if (event.type === 'closed') {
    if (seconds > 0) throw new Error(`${member.id} refused a good ticket: ${JSON.stringify(event)}`);
    return 'it takes a new ticket for one of the future';
  }
  const aheadS = Math.round((expiresInMs - Number(event.expiresInMs)) / 1_000);
  if (Math.abs(aheadS - seconds) > 5) throw new Error(`${member.id} is ${aheadS} s ahead, not ${seconds} s`);
  return `a ticket has ${aheadS} s less for it`;
}

export const CLOCK_FAULTS: readonly Fault[] = [
  {
    name: 'clock of a node steps 20 min',
    shapes: SHAPES,
    damage: 'none',
    holdMs: [4_000, 8_000],
    async begin({ fleet, random }) {
      const member = await pickMember(random, fleet.members);
      const { clock } = member;
      const seconds = random.chance(0.5) ? NODE_STEP_S : -NODE_STEP_S;
      await clock.step(seconds);
      return {
        detail: `${member.id}: ${seconds} s, ${await noticed(fleet, member, seconds)}`,
        nodes: [member.id],
        async heal() {
          await clock.step(0);
          return undefined;
        },
      };
    },
  },
  {
    name: 'clock of Redis steps 45 s',
    shapes: ['single'],
    damage: 'none',
    holdMs: [4_000, 8_000],
    async begin({ bed: { clock, servers }, random }) {
      if (clock === undefined) throw new Error('this Redis has the clock of the machine');
      const seconds = random.chance(0.5) ? REDIS_STEP_S : -REDIS_STEP_S;
      await clock.step(seconds);
      return {
        detail: `Redis: ${seconds} s`,
        async heal() {
          const [now] = (await servers[0]?.admin.time()) ?? [0];
          await clock.step(0);
          const seen = Math.round(Number(now) - Date.now() / 1_000);
          if (Math.abs(seen - seconds) > 2) throw new Error(`Redis was ${seen} s off, not ${seconds} s`);
          return `Redis was ${seen} s off`;
        },
      };
    },
  },
];
