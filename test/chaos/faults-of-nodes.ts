// Faults of push nodes: killed, stopped, replaced by a deploy.

import { SHAPES } from './beds.js';
import type { Fault } from './fault.js';
import type { Member } from './fleet.js';
import { pickMember } from './pick-member.js';

/** Starts one that is gone, and says so. */
async function restart(member: Member): Promise<string> {
  await member.start();
  return `${member.id} runs again`;
}

async function deploy(members: readonly Member[]): Promise<string> {
  const codes: string[] = [];
  for (const member of members) {
    const code = await member.drain();
    if (code !== 0) throw new Error(`${member.id} was asked to drain and ended with ${code}: ${member.log()}`);
    await member.start();
    codes.push(`${member.id} drained and exited with ${code}`);
  }
  return codes.join(', ');
}

export const NODE_FAULTS: readonly Fault[] = [
  {
    name: 'node killed (kill -9)',
    shapes: SHAPES,
    damage: 'none',
    holdMs: [1_000, 6_000],
    leavesOthers: true,
    async begin({ fleet, random }) {
      const member = await pickMember(random, fleet.members);
      await member.kill();
      return { detail: `${member.id} is gone`, nodes: [member.id], heal: () => restart(member) };
    },
  },
  {
    name: 'all nodes killed (kill -9)',
    shapes: SHAPES,
    damage: 'none',
    holdMs: [500, 2_000],
    async begin({ fleet }) {
      await Promise.all(fleet.members.map((member) => member.kill()));
      return {
        detail: 'no node is left',
        heal: async () => (await Promise.all(fleet.members.map(restart))).join(', '),
      };
    },
  },
  {
    name: 'node stopped (SIGSTOP)',
    shapes: SHAPES,
    damage: 'none',
    holdMs: [3_000, 9_000],
    async begin({ fleet, random }) {
      const member = await pickMember(random, fleet.members);
      member.signal('SIGSTOP');
      const silent = await member.ready().then(
        () => false,
        () => true,
      );
      if (!silent) throw new Error(`${member.id} answers although it is stopped`);
      return {
        detail: `${member.id} does not answer`,
        nodes: [member.id],
        async heal() {
          member.signal('SIGCONT');
          return undefined;
        },
      };
    },
  },
  {
    name: 'deploy (each node drained and replaced)',
    shapes: SHAPES,
    damage: 'none',
    holdMs: [0, 0],
    async begin({ fleet }) {
      return { detail: await deploy(fleet.members), heal: async () => undefined };
    },
  },
];
