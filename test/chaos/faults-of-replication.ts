// Faults of replicated Redis: masters that die, hang or hand over, what replication had not copied, slots that move.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { eventually } from '../support/eventually.js';
import type { RedisServer } from '../support/redis.js';
import type { Bed } from './beds.js';
import type { Begun, Fault, Stage } from './fault.js';

const run = promisify(execFile);
const REPLICATED = ['sentinel', 'cluster'] as const;
const PROMOTED_WITHIN_MS = 30_000;
/** Shorter than what makes a Sentinel or a Cluster node count a replica as down. */
const REPLICAS_STOPPED_MS = 800;
const SLOTS_MOVED = 400;

async function pickMaster({ bed, random }: Stage): Promise<RedisServer> {
  return random.pick(await bed.masters());
}

async function replicasOf(stage: Stage, master: RedisServer): Promise<readonly RedisServer[]> {
  const { servers } = stage.bed;
  const infos = await Promise.all(servers.map(({ admin }) => admin.info('replication')));
  return servers.filter((_, n) => infos[n]?.includes(`master_host:${master.host}\r`));
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

/** The old master comes back and follows the new one. */
async function comeBack(stage: Stage, revive: () => Promise<void> | void): Promise<string> {
  await revive();
  await stage.bed.healthy();
  return 'the old master follows the new one';
}

async function killed(stage: Stage, lossy: boolean): Promise<Begun> {
  const before = await stage.bed.masters();
  const master = await pickMaster(stage);
  const stopped = lossy ? await replicasOf(stage, master) : [];
  for (const replica of stopped) replica.pause();
  if (lossy) {
    // Else what is acknowledged meanwhile waits in the kernel, and a replica that wakes up finds it there.
    await master.admin.call('CLIENT', 'KILL', 'TYPE', 'replica');
    await new Promise((resolve) => setTimeout(resolve, REPLICAS_STOPPED_MS));
  }
  await master.kill();
  for (const replica of stopped) replica.resume();
  const how = await promoted(stage, master, before);
  return { detail: `a master was killed, ${how}`, heal: () => comeBack(stage, () => restartAsReplica(stage, master)) };
}

/**
 * Not before the Sentinels have switched: it comes back empty, and until they have told it otherwise it is a master, whom
 * clients and replicas would believe. A member of a Cluster waits by itself.
 */
async function restartAsReplica({ bed }: Stage, master: RedisServer): Promise<void> {
  if (bed.shape === 'sentinel') {
    await eventually(async () => {
      const answers = await Promise.all(
        sentinelsOf(bed).map((sentinel) => askSentinel(sentinel, 'GET-MASTER-ADDR-BY-NAME')),
      );
      const old = `${master.host}\n${master.port}`;
      return !answers.some((answer) => answer.startsWith(old)) || 'a Sentinel still names the old master';
    }, PROMOTED_WITHIN_MS);
  }
  await master.restart();
}

export const FAILOVER_FAULTS: readonly Fault[] = [
  {
    name: 'master killed (kill -9)',
    shapes: REPLICATED,
    damage: 'tail',
    holdMs: [0, 2_000],
    leavesOthers: true,
    begin: (stage) => killed(stage, false),
  },
  {
    name: 'master killed with what no replica had',
    shapes: REPLICATED,
    damage: 'tail',
    holdMs: [0, 2_000],
    leavesOthers: true,
    begin: (stage) => killed(stage, true),
  },
  {
    name: 'master goes on beside the new one',
    shapes: ['sentinel'],
    damage: 'tail',
    holdMs: [0, 2_000],
    leavesOthers: true,
    async begin(stage) {
      const before = await stage.bed.masters();
      const master = await pickMaster(stage);
      // Sentinels get no answer that they take for life; who is connected notices nothing.
      await master.admin.call('ACL', 'SETUSER', 'default', '-ping');
      const how = await promoted(stage, master, before);
      const heal = async () => void (await master.admin.call('ACL', 'SETUSER', 'default', '+ping'));
      return { detail: `a master went on with its clients, ${how}`, heal: () => comeBack(stage, heal) };
    },
  },
  {
    name: 'master stopped (SIGSTOP)',
    shapes: REPLICATED,
    damage: 'tail',
    holdMs: [0, 2_000],
    leavesOthers: true,
    async begin(stage) {
      const before = await stage.bed.masters();
      const master = await pickMaster(stage);
      master.pause();
      const how = await promoted(stage, master, before);
      return { detail: `a master hung, ${how}`, heal: () => comeBack(stage, () => master.resume()) };
    },
  },
  {
    name: 'master hands over',
    shapes: REPLICATED,
    damage: 'tail',
    holdMs: [0, 0],
    leavesOthers: true,
    async begin(stage) {
      const before = await stage.bed.masters();
      const master = await pickMaster(stage);
      const [replica] = await replicasOf(stage, master);
      if (replica === undefined) throw new Error('no replica');
      if (stage.bed.shape === 'cluster') await replica.admin.call('CLUSTER', 'FAILOVER');
      else await sentinelFailover(stage);
      const how = await promoted(stage, master, before);
      return { detail: `a master was asked to hand over, ${how}`, heal: () => comeBack(stage, () => {}) };
    },
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
      await run('redis-cli', args, { maxBuffer: 2 ** 24 });
      return { detail: `${SLOTS_MOVED} slots moved`, heal: async () => undefined };
    },
  },
];

async function sentinelFailover({ bed }: Stage): Promise<void> {
  const [first = ['', '']] = sentinelsOf(bed);
  const answer = await askSentinel(first, 'FAILOVER');
  if (!answer.startsWith('OK')) throw new Error(`Sentinel refused: ${answer}`);
}

type Address = readonly [host: string, port: string];

function sentinelsOf({ redisUrl }: Bed): readonly Address[] {
  return [...redisUrl.matchAll(/([\d.]+):(\d+)/g)].map(([, host = '', port = '']): Address => [host, port]);
}

async function askSentinel([host, port]: Address, command: string): Promise<string> {
  const { stdout } = await run('redis-cli', ['-h', host, '-p', port, 'SENTINEL', command, 'main']);
  return stdout;
}
