// Faults of the network: between clients and a node, and between a node and a Redis that is one server.

import { POLL_WAIT_MS } from '../../client-sdk/numbers.js';
import { SHAPES } from './beds.js';
import type { Begun, Fault, Stage } from './fault.js';
import type { FaultProxy } from './fault-proxy.js';
import { pickMember } from './pick-member.js';

interface LinkFault {
  readonly name: string;
  readonly holdMs: readonly [number, number];
  /** New links get through, if to other nodes. */
  readonly leavesOthers?: boolean;
  readonly recoversWithinMs?: Fault['recoversWithinMs'];
  begin(link: FaultProxy, stage: Stage): string;
}

const KINDS: readonly LinkFault[] = [
  { name: 'cut (RST)', holdMs: [0, 0], begin: (link) => `${affected(link.cut())} reset` },
  {
    name: 'cut in mid-frame',
    holdMs: [1_000, 2_000],
    begin: (link, { random }) => `${affected(link.cutAfter(1 + random.below(3_000)))} to be reset`,
  },
  { name: 'refused', holdMs: [2_000, 6_000], begin: (link) => `${affected(link.refuse())} reset, new ones too` },
  {
    name: 'held, then released',
    holdMs: [3_000, 8_000],
    begin(link) {
      link.hold();
      return `${affected(link.links)} held`;
    },
  },
  {
    name: 'dead without a word',
    holdMs: [1_000, 3_000],
    leavesOthers: true,
    // Heartbeat, doubt, no sign of life, another link; of polls the wait stands for the heartbeat.
    recoversWithinMs: { websocket: 12_000, sse: 12_000, 'long-poll': POLL_WAIT_MS + 7_000, 'short-poll': 15_000 },
    begin: (link) => `${affected(link.blackHole())} black holes`,
  },
  {
    name: 'slow (100 ms, 200 kB/s)',
    holdMs: [5_000, 10_000],
    begin(link) {
      link.slow(100, 200_000);
      return `${affected(link.links)} slowed`;
    },
  },
];

/** A fault that touches nobody shows nothing. */
function affected(links: number): string {
  if (links === 0) throw new Error('there was no link');
  return `${links} links`;
}

function linkFault(kind: LinkFault, side: 'clientLink' | 'redisLink'): Fault {
  const isClients = side === 'clientLink';
  return {
    name: `${isClients ? "clients' links" : "node's links to Redis"} ${kind.name}`,
    shapes: isClients ? SHAPES : ['single'],
    damage: 'none',
    holdMs: kind.holdMs,
    leavesOthers: kind.leavesOthers === true || (isClients && kind.name === 'refused'),
    ...(isClients && kind.recoversWithinMs !== undefined && { recoversWithinMs: kind.recoversWithinMs }),
    async begin(stage): Promise<Begun> {
      const member = await pickMember(stage.random, stage.fleet.members);
      const link = member[side];
      if (link === undefined) throw new Error(`${member.id} has no such link`);
      return {
        detail: `${member.id}: ${kind.begin(link, stage)}`,
        nodes: [member.id],
        async heal() {
          link.heal();
          return undefined;
        },
      };
    },
  };
}

const EVERY_CLIENT: Fault = {
  name: 'links of every client cut (RST)',
  shapes: SHAPES,
  damage: 'none',
  holdMs: [0, 0],
  async begin({ fleet }) {
    const links = fleet.members.reduce((sum, { clientLink }) => sum + clientLink.cut(), 0);
    return { detail: `${affected(links)} reset`, heal: async () => undefined };
  },
};

export const LINK_FAULTS: readonly Fault[] = [
  ...KINDS.flatMap((kind) => [linkFault(kind, 'clientLink'), linkFault(kind, 'redisLink')]),
  EVERY_CLIENT,
];
