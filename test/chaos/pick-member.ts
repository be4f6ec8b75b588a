// Which node a fault is made at: after a deploy the last one to be replaced has nobody, and what is done to it shows nothing.

import type { Random } from '../support/random.js';
import type { Member } from './fleet.js';

/** The part of its even share of the connections that a node has to have. */
const SHARE = 0.5;

/** Which of them, when each has so many connections. */
export function busyOf<T>(members: readonly T[], connections: readonly number[]): readonly T[] {
  const all = connections.reduce((sum, count) => sum + count, 0);
  if (all === 0) throw new Error('no node has a connection');
  const least = (SHARE * all) / members.length;
  return members.filter((_, at) => (connections[at] ?? 0) >= least);
}

/** A node that serves clients, by chance. */
export async function pickMember(random: Random, members: readonly Member[]): Promise<Member> {
  return random.pick(busyOf(members, await Promise.all(members.map((member) => member.connections()))));
}
