// Faults of replicated Redis: masters that die, hang or hand over, what replication had not copied, slots that move.

import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { eventually } from '../support/eventually.js';
import type { RedisServer } from '../support/redis.js';
import type { Bed, Shape } from './beds.js';
import type { Begun, Fault, Stage } from './fault.js';

const run = promisify(execFile);
const REPLICATED = ['sentinel', 'cluster'] as const;
const PROMOTED_WITHIN_MS = 30_000;
/** Shorter than what makes a Sentinel or a Cluster node count a replica as down. */
const REPLICAS_STOPPED_MS = 800;
const SLOTS_MOVED = 400;

async function replicasOf(stage: Stage, master: RedisServer): Promise<readonly RedisServer[]> {
  const { servers } = stage.bed;
  const infos = await Promise.all(servers.map(({ admin }) => admin.info('replication')));
  const follows = `master_host:${master.host}\r\nmaster_port:${master.port}\r`;
  return servers.filter((_, n) => infos[n]?.includes(follows));
}

/** Resolves with the time that it took until another of the servers is a master. */
async function promoted(stage: Stage, old: RedisServer, before: readonly RedisServer[]): Promise<string> {
  const since = performance.now();
  const others = stage.bed.servers.filter((server) => server !== old && !before.includes(server));
  await eventually(async () => {
    const roles = await Promise.all(others.map(({ admin }) => admin.info('replication').catch(() => '')));
    return roles.some((role) => role.includes('role:master')) || 'no replica was promoted';
  }, PROMOTED_WITHIN_MS);
  return `a replica was promoted after ${((performance.now() - since) / 1_000).toFixed(1)} s`;
}

/** What makes another server a master. */
interface Attack {
  /** What is done, for people. */
  readonly what: string;
  strike(stage: Stage, master: RedisServer): Promise<void> | void;
  /** Lets the old master come back, to follow the new one. */
  revive(stage: Stage, master: RedisServer): Promise<void> | void;
}

async function failOver(stage: Stage, { what, strike, revive }: Attack): Promise<Begun> {
  const before = await stage.bed.masters();
  const master = stage.random.pick(before);
  await strike(stage, master);
  const how = await promoted(stage, master, before);
  return {
    detail: `${what}, ${how}`,
    async heal() {
      await revive(stage, master);
      await stage.bed.healthy();
      return 'the old master follows the new one';
    },
  };
}

const failover = (name: string, attack: Attack, shapes: readonly Shape[] = REPLICATED): Fault => ({
  ...{ name, shapes, damage: 'tail', holdMs: [0, 2_000], leavesOthers: true },
  begin: (stage) => failOver(stage, attack),
});

const kill: Attack['strike'] = (_, master) => master.kill();

async function killUnreplicated(stage: Stage, master: RedisServer): Promise<void> {
  const replicas = await replicasOf(stage, master);
  for (const replica of replicas) replica.pause();
  // Else what is acknowledged meanwhile waits in the kernel, and a replica that wakes up finds it there.
  await master.admin.call('CLIENT', 'KILL', 'TYPE', 'replica');
  await pause(REPLICAS_STOPPED_MS);
  await master.kill();
  for (const replica of replicas) replica.resume();
}

async function handOver(stage: Stage, master: RedisServer): Promise<void> {
  const [replica] = await replicasOf(stage, master);
  if (replica === undefined) throw new Error('no replica');
  if (stage.bed.shape === 'cluster') await replica.admin.call('CLUSTER', 'FAILOVER');
  else await sentinelFailover(stage);
}

/** Sentinels take an error for no sign of life; who is connected notices nothing. */
async function setPing({ admin }: RedisServer, rule: '+ping' | '-ping'): Promise<void> {
  await admin.call('ACL', 'SETUSER', 'default', rule);
}

/**
 * Not before the Sentinels have switched: it comes back empty, and until they have told it otherwise it is a master, whom
 * clients and replicas would believe. A member of a Cluster waits by itself.
 */
async function restartAsReplica({ bed }: Stage, master: RedisServer): Promise<void> {
  if (bed.shape === 'sentinel') {
    await eventually(async () => {
      const answers = await Promise.all(
        sentinelsOf(bed).map((sentinel) => askSentinel(bed, sentinel, 'GET-MASTER-ADDR-BY-NAME')),
      );
      const old = `${master.host}\n${master.port}`;
      return !answers.some((answer) => answer.startsWith(old)) || 'a Sentinel still names the old master';
    }, PROMOTED_WITHIN_MS);
  }
  await master.restart();
}

export const FAILOVER_FAULTS: readonly Fault[] = [
  failover('master killed (kill -9)', { what: 'a master was killed', strike: kill, revive: restartAsReplica }),
  failover('master killed with what no replica had', {
    what: 'a master was killed',
    strike: killUnreplicated,
    revive: restartAsReplica,
  }),
  failover(
    'master goes on beside the new one',
    {
      what: 'a master went on with its clients',
      strike: (_, master) => setPing(master, '-ping'),
      revive: (_, master) => setPing(master, '+ping'),
    },
    ['sentinel'],
  ),
  failover('master stopped (SIGSTOP)', {
    what: 'a master hung',
    strike: (_, master) => master.pause(),
    revive: (_, master) => master.resume(),
  }),
  {
    ...failover('master hands over', { what: 'a master was asked to hand over', strike: handOver, revive: () => {} }),
    holdMs: [0, 0],
  },
  {
    name: 'slots move between masters',
    shapes: ['cluster'],
    damage: 'none',
    holdMs: [0, 0],
    async begin(stage) {
      const masters = await stage.bed.masters();
      const from = stage.random.pick(masters);
      const to = stage.random.pick(masters.filter((master) => master !== from));
      const ids = await Promise.all([from, to].map(({ admin }) => admin.call('CLUSTER', 'MYID')));
      const args = ['--cluster', 'reshard', `${from.host}:${from.port}`, '--cluster-from', String(ids[0])];
      args.push('--cluster-to', String(ids[1]), '--cluster-slots', String(SLOTS_MOVED), '--cluster-yes');
      args.push(...stage.bed.access.cli.server);
      await run('redis-cli', args, { maxBuffer: 2 ** 24 });
      return { detail: `${SLOTS_MOVED} slots moved`, heal: async () => undefined };
    },
  },
];

async function sentinelFailover({ bed }: Stage): Promise<void> {
  const [first = ['', '']] = sentinelsOf(bed);
  const answer = await askSentinel(bed, first, 'FAILOVER');
  if (!answer.startsWith('OK')) throw new Error(`Sentinel refused: ${answer}`);
}

type Address = readonly [host: string, port: string];

function sentinelsOf({ redisUrl }: Bed): readonly Address[] {
  return [...redisUrl.matchAll(/([\d.]+):(\d+)/g)].map(([, host = '', port = '']): Address => [host, port]);
}

async function askSentinel({ access }: Bed, [host, port]: Address, command: string): Promise<string> {
  const args = ['-h', host, '-p', port, ...access.cli.sentinel, 'SENTINEL', command, 'main'];
  const { stdout } = await run('redis-cli', args);
  return stdout;
}
