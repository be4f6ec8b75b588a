// The registry of a cluster, kept in Redis: every decision is one function there, every moment its time.

import { randomBytes } from 'node:crypto';
import { assertReport } from '../../cluster/node-report.js';
import type {
  Asker,
  Assignment,
  NamedNode,
  NodeRecord,
  NodeReport,
  Registry,
  ReportAnswer,
} from '../../cluster/registry.js';
import { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import type { RedisConnection } from './connection.js';
import { isWriteRefusal, NoLibraryError, unavailableError } from './errors.js';
import { MENDED_KEY } from './server-words.js';

export interface RedisRegistryOptions {
  /** The caller's to start and close. */
  readonly connection: Pick<RedisConnection, 'prefix' | 'call'>;
  readonly logger: Logger;
  /** From 0 up to 1; breaks ties. */
  readonly random?: () => number;
}

export interface RedisRegistry extends Registry {
  /** Records in Redis that no node of ours wrote, as last seen; they are ignored. */
  readonly ignoredRecords: number;
}

/** Makes the registry of the cluster whose prefix the connection has. */
export function createRedisRegistry(options: RedisRegistryOptions): RedisRegistry {
  return new Nodes(options);
}

/** A record as the function writes it: features in one text. */
type Written<T extends NamedNode> = Omit<T, 'features'> & { readonly features?: string };

interface Answer {
  readonly ignored: number;
  readonly node?: Written<NodeRecord>;
  readonly reservation?: string;
  /** Lua writes an empty list as `{}`. */
  readonly alternatives?: readonly Written<NamedNode>[] | object;
  readonly others?: number;
  readonly nodes?: readonly Written<NodeRecord>[] | object;
}

type Reported = ReportAnswer & {
  /** Keys under whose names something else stood. */
  readonly mended?: readonly string[] | object;
};

class Nodes implements RedisRegistry {
  readonly #connection: RedisRegistryOptions['connection'];
  readonly #logger: Logger;
  readonly #random: () => number;
  readonly #keys: readonly string[];
  #ignoredRecords = 0;
  #refusal: FanfareError | undefined;

  constructor({ connection, logger, random }: RedisRegistryOptions) {
    this.#connection = connection;
    this.#logger = logger;
    this.#random = random ?? Math.random;
    const names = ['nodes', 'held', 'pace', 'reservations', 'state', 'lapses'];
    this.#keys = names.map((name) => `${connection.prefix}:{!cluster}:${name}`);
  }

  get ignoredRecords(): number {
    return this.#ignoredRecords;
  }

  get refusal(): FanfareError | undefined {
    return this.#refusal;
  }

  async report(report: NodeReport): Promise<ReportAnswer> {
    assertReport(report);
    const { id, url, incarnation, connections, capacity, maxConnectsPerSecond, state, reached, proof } = report;
    const load = [connections, capacity, maxConnectsPerSecond, state];
    const { features = [], claimed } = report;
    const fields = [id, url, incarnation, ...load, reached ? 1 : 0, proof, features.join(',')];
    const answer = answerOf<Reported>(await this.#call('node_report', [...fields, ...claimed]));
    const { verdict, nowMs, drain, signers, lapsed, isDoubted, mended } = answer;
    if (verdict !== 'accepted' && verdict !== 'fenced' && verdict !== 'refused') throw notAnAnswer();
    if (!Number.isFinite(nowMs)) throw notAnAnswer();
    for (const key of listOf(mended)) this.#logger.warn({ key }, MENDED_KEY);
    return { verdict, nowMs, drain, signers: listOf(signers), lapsed, isDoubted };
  }

  async assign(
    exclude: readonly string[],
    allowed?: readonly string[],
    asker?: Asker,
  ): Promise<Assignment | undefined> {
    const name = randomBytes(9).toString('base64url');
    const among = allowed === undefined ? [-1] : [allowed.length, ...allowed];
    const whose = asker === undefined ? [] : [asker.mark, asker.reserves ? 1 : 0];
    const args = [this.#random(), name, exclude.length, ...exclude, ...among, ...whose];
    const assigned = await this.#call('node_assign', args).catch(nobodyYet);
    if (assigned === undefined) return undefined;
    const answer = this.#read(assigned);
    if (answer.node === undefined) return undefined;
    const { node, reservation, others = 0 } = answer;
    const isKept = typeof reservation === 'string';
    if (!isNamed(node) || isKept !== (asker?.reserves ?? true)) throw notAnAnswer();
    const alternatives = listOf(answer.alternatives).filter(isNamed).map(recordOf);
    return { node: recordOf(node), reservation, alternatives, others };
  }

  async list(signer?: string): Promise<readonly NodeRecord[]> {
    const listed = this.#call('node_list', signer === undefined ? [] : [signer]);
    this.#refusal = undefined;
    const text = await listed.catch((error: unknown) => this.#look(error)).catch(nobodyYet);
    const { nodes } = text === undefined ? {} : this.#read(text);
    return listOf(nodes).filter(isNamed).map(recordOf);
  }

  async #look(refusal: unknown): Promise<unknown> {
    if (!(refusal instanceof FanfareError && isWriteRefusal(refusal))) throw refusal;
    const answer = await this.#call('node_look', []);
    this.#refusal = refusal;
    return answer;
  }

  async requestDrain(id: string): Promise<boolean> {
    return (await this.#call('node_drain', [id])) === 1;
  }

  async remove(id: string, incarnation: string): Promise<void> {
    await this.#call('node_remove', [id, incarnation]);
  }

  /** Whether a call without an answer was carried out does not matter: reports repeat, reservations lapse. */
  #call(name: string, args: readonly (string | number)[]): Promise<unknown> {
    return this.#connection.call('read', name, this.#keys, args);
  }

  #read(text: unknown): Answer {
    const answer = answerOf<Answer>(text);
    if (answer.ignored !== this.#ignoredRecords) {
      this.#ignoredRecords = answer.ignored;
      if (answer.ignored > 0) this.#logger.warn({ records: answer.ignored }, 'ignoring node records that are not ours');
    }
    return answer;
  }
}

/** Where no node has been there is none, which is no failure of Redis. */
function nobodyYet(error: unknown): undefined {
  if (!(error instanceof NoLibraryError)) throw error;
}

/** What our own function wrote. */
function answerOf<T>(text: unknown): T {
  try {
    const answer: unknown = JSON.parse(String(text));
    if (typeof answer === 'object' && answer !== null) return answer as T;
  } catch (cause) {
    throw notAnAnswer(cause);
  }
  throw notAnAnswer();
}

function notAnAnswer(cause?: unknown): Error {
  return unavailableError('the registry in Redis gave an answer that is none', cause);
}

function listOf<T>(value: readonly T[] | object | undefined): readonly T[] {
  return Array.isArray(value) ? value : [];
}

/** Whoever has replaced our library may answer anything. */
function isNamed(node: Written<NamedNode>): boolean {
  return typeof node?.id === 'string' && typeof node.url === 'string' && Number.isFinite(node.connections);
}

function recordOf<T extends NamedNode>({ features, ...record }: Written<T>): T {
  const known = features === undefined || features === '' ? {} : { features: features.split(',') };
  return { ...record, ...known } as unknown as T;
}
