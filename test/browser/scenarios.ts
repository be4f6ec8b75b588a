// What the scenario page goes through, and who goes through it; an empty cell of that table has its reason here.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { HostileSetup, HostileWorld } from '../support/hostile-world.js';
import type { EngineName, Tab } from './engines.js';
import type { Known, Opening } from './scenario-page/host.js';

/** Who plays the scenario page's part: an engine's page, or what a page of it has started. */
export const COLUMNS = {
  Chromium: { engine: 'chromium', query: '' },
  'Firefox ESR': { engine: 'firefox', query: '' },
  WebKitGTK: { engine: 'webkit', query: '' },
  'Node 20': { engine: 'node', query: '' },
  Worker: { engine: 'chromium', query: '?worker' },
  SharedWorker: { engine: 'chromium', query: '?shared-worker' },
} as const satisfies Readonly<Record<string, { readonly engine: EngineName; readonly query: string }>>;
export type Column = keyof typeof COLUMNS;

const CHANNEL = 'news';
const LOOK_MS = 50;
/** Chosen: a scenario that takes longer hangs. */
const PATIENCE_MS = 60_000;
/** How much faster the client's clock runs where the world goes wrong for a minute; `SCENARIO_CLOCK_SPEED=1` waits it out. */
const SPEED = Number(process.env.SCENARIO_CLOCK_SPEED ?? 10);
const OUTAGE_MS = 60_000;
const TICKET_MS = 20_000;

export interface Stage {
  readonly world: HostileWorld;
  readonly tab: Tab;
}

export interface Scenario {
  /** A fact, told of who plays the part. */
  readonly fact: string;
  readonly setup?: HostileSetup;
  run(stage: Stage): Promise<void>;
  /** Who does not go through it, and why. */
  readonly without: Partial<Readonly<Record<Column, string>>>;
  /** Who goes through it while nobody else goes through anything, and why. */
  readonly alone?: Partial<Readonly<Record<Column, string>>>;
}

/** What a tab knows once that is so. */
async function until(tab: Tab, what: string, is: (known: Known) => boolean): Promise<Known> {
  const endMs = performance.now() + PATIENCE_MS;
  let known: Known | null = null;
  for (;;) {
    // While a page comes or goes there is nobody to ask.
    const now = await tab.look().catch(() => null);
    known = now ?? known;
    if (known?.problem) throw new Error(known.problem);
    if (now && is(now)) return now;
    if (performance.now() > endMs)
      throw new Error(`${what}: not within ${PATIENCE_MS} ms, but ${JSON.stringify(known)}`);
    await pause(LOOK_MS);
  }
}

const heard = (tab: Tab, count: number) => until(tab, `hears ${count}`, ({ numbers }) => numbers.length >= count);
const hearsMore = async (tab: Tab, count = 10) => heard(tab, ((await tab.look())?.numbers.length ?? 0) + count);

/** More has been said by then. */
async function says(world: HostileWorld, count: number): Promise<void> {
  for (const end = world.said + count; world.said < end; ) await pause(LOOK_MS);
}

async function begin({ world, tab }: Stage, opening: Partial<Opening> = {}): Promise<Known> {
  world.talk(CHANNEL);
  return listens(tab, opening);
}

async function listens(tab: Tab, opening: Partial<Opening> = {}): Promise<Known> {
  await tab.obey({ open: { channel: CHANNEL, ...opening } });
  return heard(tab, 10);
}

/** All that was said has come, once and in order, nothing is missing, and the client has not given up. */
async function expectWhole(world: HostileWorld, ...tabs: readonly Tab[]): Promise<void> {
  await world.hush();
  for (const tab of tabs) {
    const { numbers, gaps, states } = await heard(tab, world.said);
    assert.deepEqual(
      numbers,
      Array.from({ length: world.said }, (_, n) => n + 1),
    );
    assert.equal(gaps, 0);
    assert(!states.includes('closed'));
  }
}

/** What the node has. */
const links = ({ node }: HostileWorld) => {
  const { sockets, streams } = node.node.stats();
  return { sockets, streams };
};

const NO_TABS = 'there are no tabs';
const ONE_ALREADY = 'it is one for all tabs already';
const NO_PAGE_EVENTS = 'it is told nothing of the page that is put away';
const NO_EMULATION = 'its driver takes the network from pages alone';
const NO_FREEZE = 'only Chromium freezes pages that lie in the background';

const WITHOUT_PAGE = { 'Node 20': 'there is no page', Worker: NO_PAGE_EVENTS, SharedWorker: NO_PAGE_EVENTS };

async function comesBack({ world, tab }: Stage, transports?: Opening['transports']): Promise<void> {
  await begin({ world, tab }, transports && { transports });
  await tab.leave();
  await says(world, 20);
  await tab.back();
  const { isRestored } = await until(tab, 'is shown again', ({ states }) => states.length > 0);
  assert(isRestored, 'it was made anew');
  await hearsMore(tab, 30);
  await expectWhole(world, tab);
}

export const SCENARIOS = {
  'the endpoint for tokens is down for 60 s': {
    fact: `never gives up while the endpoint for tokens is down for longer than a ticket lives${SPEED === 1 ? '' : `, by a clock that runs ${SPEED} times faster`}`,
    setup: { ticketLifeMs: TICKET_MS / SPEED, toldLifeMs: TICKET_MS },
    async run({ world, tab }) {
      await begin({ world, tab }, { speed: SPEED });
      world.isTokenSourceDown = true;
      const { states } = await until(tab, 'is without a ticket', ({ states }) => states.includes('waiting token'));
      assert(!states.includes('closed'));
      await pause((OUTAGE_MS - TICKET_MS) / SPEED);
      world.isTokenSourceDown = false;
      const upAtMs = performance.now();
      await until(tab, 'is back', ({ states }) => states.at(-1) === 'connected');
      const backMs = (performance.now() - upAtMs) * SPEED;
      console.info(`the endpoint for tokens is back: connected after ${Math.round(backMs)} ms of the client's clock`);
      const { errors } = await hearsMore(tab);
      assert(errors.includes('token'));
      await expectWhole(world, tab);
    },
    without: {},
  },
  'token refresh': {
    fact: 'has its ticket renewed in time, without a break',
    // On a busy machine the renewal has some seconds to arrive.
    setup: { ticketLifeMs: 6_000, toldLifeMs: 2_500 },
    async run({ world, tab }) {
      await begin({ world, tab });
      const startMs = performance.now();
      await until(tab, 'renews', ({ reasons }) => reasons.includes('renew'));
      while (performance.now() - startMs < 6_500) await hearsMore(tab);
      const known = await hearsMore(tab);
      assert.deepEqual(known.states, ['connecting', 'connected']);
      assert.deepEqual(known.closes, []);
      await expectWhole(world, tab);
    },
    without: {},
  },
  'rate-limit close': {
    fact: 'goes on where it was after the node has closed it for too many commands',
    setup: { commandRate: { perSecond: 100, burst: 40 } },
    async run({ world, tab }) {
      await begin({ world, tab });
      await tab.obey({ flood: 600 });
      const { states } = await until(tab, 'is closed', ({ closes }) => closes.length > 0);
      const { closes } = await until(tab, 'is back', ({ states }) => states.at(-1) === 'connected');
      assert.equal(closes[0], 4004);
      assert(states.includes('waiting rate_limited'));
      await hearsMore(tab);
      await expectWhole(world, tab);
    },
    without: {},
  },
  'resume after a kill': {
    fact: 'goes on where it was after each of three deaths of its connection',
    async run({ world, tab }) {
      await begin({ world, tab });
      for (let death = 0; death < 3; death++) {
        world.proxy.cut();
        await until(tab, 'is cut', ({ closes }) => closes.length > death);
        await until(tab, 'is back', ({ states }) => states.at(-1) === 'connected');
        await hearsMore(tab);
      }
      await expectWhole(world, tab);
    },
    without: {},
  },
  connect: {
    fact: 'connects, by a WebSocket',
    async run({ tab }) {
      await tab.obey({ open: { channel: CHANNEL } });
      const known = await until(tab, 'connects', ({ states }) => states.includes('connected'));
      assert.deepEqual(known.states, ['connecting', 'connected']);
      assert.equal(known.transport, 'websocket');
      assert.equal(known.openSockets, 1);
    },
    without: {},
  },
  subscribe: {
    fact: 'hears what was said before it came and what is said then, once and in order',
    async run({ world, tab }) {
      world.talk(CHANNEL);
      await says(world, 10);
      await tab.obey({ open: { channel: CHANNEL } });
      await says(world, 10);
      await expectWhole(world, tab);
    },
    without: {},
  },
  'WebSocket blocked': {
    fact: 'hears everything by a stream where WebSockets are blocked',
    setup: { manners: { upgrades: 'reset' } },
    async run({ world, tab }) {
      const { transport } = await begin({ world, tab });
      assert.equal(transport, 'sse');
      await hearsMore(tab);
      await expectWhole(world, tab);
    },
    without: {},
  },
  'offline → online': {
    fact: 'waits while the browser is offline, and misses nothing',
    async run({ world, tab }) {
      await begin({ world, tab });
      await tab.setOffline(true);
      await until(tab, 'waits', ({ states }) => states.includes('waiting offline'));
      await says(world, 20);
      await tab.setOffline(false);
      await hearsMore(tab, 30);
      await expectWhole(world, tab);
    },
    without: {
      WebKitGTK: 'its driver cannot take the network from a page',
      'Node 20': 'it does not tell programs',
      Worker: NO_EMULATION,
      SharedWorker: NO_EMULATION,
    },
  },
  'freeze → resume': {
    fact: 'misses nothing of what is said while it is frozen for 3 s',
    async run({ world, tab }) {
      await begin({ world, tab });
      await tab.setFrozen(true);
      await says(world, 60);
      await tab.setFrozen(false);
      await hearsMore(tab, 60);
      await expectWhole(world, tab);
    },
    without: { 'Firefox ESR': NO_FREEZE, WebKitGTK: NO_FREEZE, SharedWorker: 'it is never frozen' },
  },
  'back/forward cache': {
    fact: 'is kept while another page is shown, and goes on where it was',
    run: comesBack,
    without: {
      'Firefox ESR': 'it keeps no page that has a WebSocket or a request under way when it is left; see the next line',
      ...WITHOUT_PAGE,
    },
    alone: { WebKitGTK: 'all its tabs share the room for two kept pages, and what another leaves pushes them out' },
  },
  'back/forward cache, short poll': {
    fact: 'is kept while another page is shown, and goes on with its polls where it was',
    run: (stage) => comesBack(stage, ['short-poll']),
    without: { WebKitGTK: 'it keeps a page with an open WebSocket, see the line before', ...WITHOUT_PAGE },
  },
  'two tabs, one connection': {
    fact: 'has one connection with the tab beside it',
    async run({ world, tab }) {
      await begin({ world, tab }, { sharing: 'worker' });
      const other = await tab.beside();
      await listens(other, { sharing: 'worker' });
      assert.deepEqual(links(world), { sockets: 1, streams: 0 });
      await hearsMore(other);
      await expectWhole(world, tab, other);
      await other.close();
    },
    without: { 'Node 20': NO_TABS, SharedWorker: ONE_ALREADY },
  },
  'leader killed': {
    fact: 'takes over from the tab that had the connection and was killed',
    async run({ world, tab }) {
      const leader = await tab.beside();
      await begin({ world, tab: leader }, { sharing: 'leader' });
      await until(leader, 'leads', ({ openSockets }) => openSockets === 1);
      const { openSockets } = await listens(tab, { sharing: 'leader' });
      assert.equal(openSockets, 0);
      assert.deepEqual(links(world), { sockets: 1, streams: 0 });
      await leader.kill();
      await until(tab, 'leads', ({ openSockets }) => openSockets === 1);
      await hearsMore(tab);
      await expectWhole(world, tab);
    },
    without: { 'Node 20': NO_TABS, SharedWorker: ONE_ALREADY },
  },
} satisfies Readonly<Record<string, Scenario>>;
export type ScenarioName = keyof typeof SCENARIOS;
