// A node's life at random: whatever happens to it, admission, report, readiness, figures and log say the same.

import { expect, it } from 'vitest';
import { Membership } from '../../src/auth/membership.js';
import { ServerEnd } from '../../src/cli/server-end.js';
import { createMemoryRegistry } from '../../src/cluster/memory-registry.js';
import type { Registry } from '../../src/cluster/registry.js';
import { createFaultyBroker } from '../support/faulty-broker.js';
import { SocketClient } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { Random } from '../support/random.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { node as reportOf } from '../unit/cluster/test-cluster.js';

/** FANFARE_TEST_SEED repeats a run; each life has a seed of its own, counted from it. */
const SEED = Number(process.env.FANFARE_TEST_SEED ?? 20261126);
const LIVES = 9;
const MOST_LIVES = 40;
const STEPS = 10;
/** Lives at the same time: all share one event loop, and a busy one is a trouble that is not asked for here. */
const LANES = 3;
const PLACES = 3;
const OURS = 'the secret of this cluster, 32 bytes long';
const THEIRS = 'the secret of strangers, 32 bytes long too';

/** What a node should be, told apart from how it finds that out. */
interface Model {
  phase: 'serving' | 'leaving' | 'draining' | 'closed';
  fenced: boolean;
  foreign: boolean;
  deaf: boolean;
  links: number;
}

function stateOf({ phase, fenced, foreign, deaf, links }: Model): string {
  if (phase !== 'serving') return phase;
  if (fenced) return 'fenced';
  if (foreign) return 'foreign';
  if (deaf) return 'deaf';
  return links >= PLACES ? 'full' : 'ready';
}

const MAY_COME = new Set(['ready', 'full', 'deaf', 'foreign', 'leaving']);
const REPORTED = new Set(['ready', 'full', 'deaf', 'foreign']);

class Life {
  readonly model: Model = { phase: 'serving', fenced: false, foreign: false, deaf: false, links: 0 };
  readonly happened: string[] = [];
  readonly #broker = createFaultyBroker();
  readonly #logger = new RecordingLogger();
  readonly #inner = createMemoryRegistry();
  readonly #links: SocketClient[] = [];
  readonly #exits: number[] = [];
  readonly #end: ServerEnd;
  readonly #random: Random;
  readonly #registry: Registry;
  #signers: readonly string[] = [];
  #node: TestNode | undefined;

  constructor(random: Random) {
    this.#random = random;
    this.#registry = {
      report: async (report) => ({ ...(await this.#inner.report(report)), signers: this.#signers }),
      assign: (exclude, allowed) => this.#inner.assign(exclude, allowed),
      list: (signer) => this.#inner.list(signer),
      requestDrain: (id) => this.#inner.requestDrain(id),
      remove: (id, incarnation) => this.#inner.remove(id, incarnation),
    };
    const exit = (code: number) => void this.#exits.push(code);
    this.#end = new ServerEnd({ logger: this.#logger, delayMs: 60_000, timeoutMs: 120_000, exit });
  }

  async begin(): Promise<void> {
    const end = this.#end;
    const started = await startNode({
      engine: this.#random.pick(['uws', 'ws'] as const),
      broker: this.#broker,
      logger: this.#logger,
      options: { maxConnections: PLACES },
      parts: {
        registry: this.#registry,
        membership: new Membership([OURS]),
        onDrainRequested: () => end.request(),
        onDisplaced: () => end.displaced(),
      },
    });
    this.#node = started;
    end.attach({
      start: async () => ({ url: started.url }),
      leave: () => void started.node.leave(),
      drain: (withinMs) => started.node.drain(withinMs),
      close: () => started.node.close(),
    });
    end.serving();
  }

  get #running(): TestNode {
    if (this.#node === undefined) throw new Error('not begun');
    return this.#node;
  }

  /** Does something of what can happen now; answers whether the life goes on. */
  async step(): Promise<boolean> {
    const { model } = this;
    const chances: [string, () => Promise<void> | void][] = [
      ['the broker goes away', () => this.#broke(true)],
      ['the broker is back', () => this.#broke(false)],
      ['a client comes', () => this.#come()],
      ['a client comes', () => this.#come()],
      ['a client goes', () => this.#go()],
      ['discovery signs with our secret', () => this.#sign([OURS])],
      ['discovery signs with another secret', () => this.#sign([THEIRS])],
      ['two discoveries sign, one with ours', () => this.#sign([THEIRS, OURS])],
      ['no discovery is known', () => this.#sign([])],
    ];
    if (this.#random.chance(0.4)) {
      chances.push(['SIGTERM', () => this.#signal('SIGTERM')], ['SIGINT', () => this.#signal('SIGINT')]);
      chances.push(['an operator drains it', () => this.#requested()], ['a twin takes its id', () => this.#twin()]);
    }
    const [name, happen] = this.#random.pick(chances);
    this.happened.push(name);
    await happen();
    await this.#agrees();
    return model.phase !== 'draining';
  }

  /** The end of all, whatever was before. */
  async finish(): Promise<void> {
    for (const link of this.#links.splice(0)) link.close();
    if (this.model.phase !== 'draining') this.#signal('SIGINT');
    await expect.poll(() => this.#exits).toEqual([this.model.fenced ? 73 : 0]);
    this.model.phase = 'closed';
    this.happened.push('the end');
    await this.#agrees();
  }

  #broke(away: boolean): void {
    this.#broker.away = away;
    this.model.deaf = away;
  }

  #sign(secrets: readonly string[]): void {
    this.#signers = secrets.map((secret) => new Membership([secret]).signer);
    this.model.foreign = secrets.length > 0 && !secrets.includes(OURS);
  }

  async #come(): Promise<void> {
    const link = new SocketClient(this.#running.url);
    link.connect(this.#running.ticket());
    if ((await link.events.nextOf('connected', 'closed')).type === 'closed') return;
    this.#links.push(link);
    this.model.links++;
  }

  async #go(): Promise<void> {
    const link = this.#links.pop();
    if (link === undefined) return;
    link.close();
    this.model.links--;
    await expect.poll(() => this.#running.node.stats().sockets).toBe(this.model.links);
  }

  #signal(signal: 'SIGTERM' | 'SIGINT'): void {
    const wasLeaving = this.model.phase === 'leaving';
    this.#end.signal(signal);
    this.model.phase = signal === 'SIGINT' || wasLeaving ? 'draining' : 'leaving';
  }

  async #requested(): Promise<void> {
    await this.#inner.requestDrain('n1');
    this.model.phase = 'draining';
  }

  /** Which drains it at once. */
  async #twin(): Promise<void> {
    await this.#inner.report(reportOf('n1', { url: this.#running.url, incarnation: 'the-twin' }));
    this.model.fenced = true;
    this.model.phase = 'draining';
  }

  /** A report is a second old at most; then everybody has to say the same. */
  async #agrees(): Promise<void> {
    const expected = stateOf(this.model);
    const isEmpty = this.model.phase === 'draining' && this.model.links === 0;
    // A node that is drained and has nobody is gone at once.
    const states = isEmpty ? ['draining', 'closed'] : [expected];
    await expect
      .poll(() => this.#said(), { timeout: 10_000, interval: 150, message: this.happened.join(', ') })
      .toSatisfy((said: Said) => states.some((state) => JSON.stringify(said) === JSON.stringify(this.#due(state))));
  }

  /** What all of them have to say of a state. */
  #due(state: string): Said {
    const reported = REPORTED.has(state) ? state : 'draining';
    const isListed = !this.model.fenced && state !== 'closed';
    return {
      readiness: [state, state === 'ready' || state === 'full'],
      reported: isListed ? reported : 'not there',
      figure: reported,
      log: state,
      admits: MAY_COME.has(state) && this.model.links < PLACES ? 'comes in' : 'is refused',
    };
  }

  async #said(): Promise<Said> {
    const { node } = this.#running;
    // Each look of the node's own timer does the same.
    const check = node.checks().find(({ name }) => name === 'node');
    const listed = (await this.#inner.list()).find(({ id, incarnation }) => id === 'n1' && incarnation !== 'the-twin');
    const figures = Object.entries(node.stats()).filter(([name, value]) => /^state[A-Z]/.test(name) && value === 1);
    return {
      readiness: [check?.detail.split(':')[0] ?? '', node.checks().every(({ ok }) => ok)],
      reported: listed?.state ?? 'not there',
      figure: figures.map(([name]) => name.slice('state'.length).toLowerCase()).join(),
      log: this.#lastLogged(),
      admits: await this.#admits(),
    };
  }

  #lastLogged(): string {
    const told = this.#logger.lines.flatMap(({ fields }) => ('state' in fields ? [String(fields.state)] : []));
    return told.at(-1) ?? 'ready';
  }

  async #admits(): Promise<string> {
    const link = new SocketClient(this.#running.url);
    const sockets = this.#running.node.stats().sockets;
    link.connect(this.#running.ticket());
    const { type } = await link.events.nextOf('connected', 'closed');
    link.close();
    if (type === 'closed') return 'is refused';
    await expect.poll(() => this.#running.node.stats().sockets).toBe(sockets);
    return 'comes in';
  }
}

interface Said {
  readonly readiness: readonly [string, boolean];
  readonly reported: string;
  readonly figure: string;
  readonly log: string;
  readonly admits: string;
}

const EVERYTHING: readonly string[] = [
  ...['SIGINT', 'SIGTERM', 'a client comes', 'a client goes', 'a twin takes its id', 'an operator drains it'],
  ...['discovery signs with another secret', 'discovery signs with our secret', 'no discovery is known'],
  ...['the broker goes away', 'the broker is back', 'the end', 'two discoveries sign, one with ours'],
];

it('says the same everywhere in each state that chance brings, and ends in order', async () => {
  const happened = new Set<string>();
  let next = 0;
  // Not vacuous: lives go on until each kind of thing has happened to somebody.
  const isWhole = () => EVERYTHING.every((name) => happened.has(name));
  const lanes = Array.from({ length: LANES }, async () => {
    while (next < LIVES || (!isWhole() && next < MOST_LIVES)) {
      const life = new Life(new Random(SEED + next++));
      await life.begin();
      for (let step = 0; step < STEPS; step++) if (!(await life.step())) break;
      await life.finish();
      for (const name of life.happened) happened.add(name);
    }
  });
  await Promise.all(lanes);
  expect([...happened].sort()).toEqual([...EVERYTHING].sort());
});
