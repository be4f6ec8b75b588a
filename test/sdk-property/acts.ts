// What may happen in a run; each run has its own choice of it, so that what is rare elsewhere comes often there.

import type { Random } from '../support/random.js';
import { hearPage, seePage } from './page.js';
import type { Run } from './run.js';
import type { Way } from './way.js';

export type Act = readonly [name: string, act: (run: Run) => unknown];

const aWay = ({ random, server }: Run): Way | undefined => random.pick([...server.ways]);
const everyWay = ({ server }: Run, act: (way: Way) => void): void => {
  for (const way of [...server.ways]) act(way);
};
const aChannel = ({ random, channels }: Run): string => random.pick(channels);

const publish = (run: Run, most: number): void => {
  const channel = aChannel(run);
  for (let left = 1 + run.random.below(most); left > 0; left--)
    run.server.publish(channel, `m${run.random.below(1e9)}`);
};

/** The log is no longer what it was: those that follow it are told. */
const shake = (run: Run, how: 'rewrite' | 'flush'): void => {
  const channel = aChannel(run);
  const log = run.server.log(channel);
  if (how === 'flush') log.flush();
  else log.rewrite(1 + run.random.below(3));
  run.server.changed(channel);
};

/** With what a node may end a way that may be opened again. */
const ENDS: readonly (readonly [code: number, reason: string, retryAfterMs?: number])[] = [
  [4000, 'draining'],
  [4001, 'overloaded: full', 700],
  [4002, 'too_slow'],
  [4004, 'rate_limited: commands', 300],
  [4501, 'token_signature_invalid: no'],
  [1012, ''],
];

const close = (run: Run, reason: string, act: () => void): void => {
  run.mayClose.add(reason);
  act();
};

/** What goes on in every run. */
const DAILY: readonly Act[] = [
  ['subscribe', (run) => run.client.state.type !== 'closed' && run.subscribe()],
  ['publish', (run) => publish(run, 1)],
  ['publish several', (run) => publish(run, 5)],
];

const ACTS: readonly Act[] = [
  ...DAILY,
  ['unsubscribe', (run) => run.random.pick(run.open)?.subscription.unsubscribe()],
  [
    'unsubscribe and subscribe',
    (run) => {
      const judge = run.random.pick(run.open);
      judge?.subscription.unsubscribe();
      if (judge) run.subscribe(judge.subscription.channel);
    },
  ],
  [
    'subscribe and move',
    (run) => {
      if (run.client.state.type !== 'closed') run.subscribe();
      everyWay(run, (way) => way.move());
    },
  ],
  ['tell', (run) => run.tell(aChannel(run), true)],
  ['tell again', (run) => run.tell(aChannel(run), false)],
  ['publish by the SDK', (run) => run.publishes.add(aChannel(run), run.random.chance(0.1))],
  ['publish by the SDK for a moment', (run) => run.publishes.add(aChannel(run), false, run.random.below(2_000))],
  ['move', (run) => everyWay(run, (way) => way.move())],
  ['drain', ({ server }) => (server.faults.isDraining = !server.faults.isDraining)],
  ['repeat', (run) => everyWay(run, (way) => way.repeat(aChannel(run)))],
  ['lose one', (run) => aWay(run)?.lose()],
  ['lose all', (run) => everyWay(run, (way) => way.lose())],
  ['fall silent', (run) => aWay(run)?.fallSilent()],
  ['end', (run) => aWay(run)?.end(...run.random.pick(ENDS))],
  [
    'block',
    ({ server, random }) => {
      const { blocked } = server.faults;
      const transport = random.pick(['websocket', 'sse', 'poll']);
      if (!blocked.delete(transport)) blocked.set(transport, random.pick(['refuses', 'swallows'] as const));
    },
  ],
  [
    'node down',
    ({ server, random }) => {
      const { downNodes } = server.faults;
      const node = random.pick(['n1', 'n2', 'n3']);
      if (!downNodes.delete(node)) downNodes.add(node);
    },
  ],
  ['discovery down', ({ server }) => (server.faults.isDiscoveryDown = !server.faults.isDiscoveryDown)],
  ['portal', ({ server }) => (server.faults.isPortal = !server.faults.isPortal)],
  ['tokens refused', ({ server }) => (server.faults.refusesTokens = !server.faults.refusesTokens)],
  ['token', (run) => (run.token = run.random.pick(['works', 'works', 'fails', 'lies', 'hangs'] as const))],
  [
    'forbid',
    (run) => {
      const channel = aChannel(run);
      const { forbidden } = run.server.faults;
      if (forbidden.delete(channel)) return;
      forbidden.add(channel);
      run.everForbidden.add(channel);
      for (const judge of run.judges) {
        if (judge.subscription.channel === channel) judge.mayEndWith.add('forbidden_channel');
      }
      everyWay(run, (way) => way.withdraw(channel));
    },
  ],
  ['page event', ({ random }) => hearPage(random.pick(['online', 'offline', 'pagehide', 'pageshow']))],
  ['back from the cache', () => hearPage('pageshow', { persisted: true })],
  ['see', ({ random }) => seePage(random.chance(0.5))],
  ['freeze', ({ clock, random }) => clock.freeze(random.below(60_000))],
  ['freeze a moment', ({ clock, random }) => clock.freeze(random.below(3_000))],
  ['set the clock', ({ clock, random }) => clock.set((random.next() - 0.5) * 86_400_000)],
  ['trim', (run) => run.server.log(aChannel(run)).trim(run.random.below(6))],
  ['failover', (run) => shake(run, 'rewrite')],
  ['flush', (run) => shake(run, 'flush')],
  ['wait', ({ clock, random }) => clock.advance(random.below(20_000))],
  ['close', (run) => run.random.chance(0.2) && close(run, 'closed', () => run.client.close())],
  [
    'log out',
    (run) =>
      run.random.chance(0.2) &&
      close(run, 'logged_out', () => {
        run.token = 'ends';
      }),
  ],
  ['revoke', (run) => run.random.chance(0.2) && close(run, 'revoked', () => aWay(run)?.end(4503, 'revoked: gone'))],
  ['connect', (run) => run.client.connect()],
];

/** About half of them, some much likelier than others. */
export const chooseActs = (random: Random): readonly Act[] => {
  const most = random.pick([0.15, 0.4, 0.7]);
  const chosen = ACTS.filter(() => random.chance(most)).flatMap((act) => Array<Act>(1 + random.below(4)).fill(act));
  return [...chosen, ...DAILY, ...DAILY];
};
