// Deletes histories in Redis, and keeps there which nodes have forgotten them.

import { isOffset, type Offset } from '../../protocol/index.js';
import type { Erasure, HistoryEraser } from '../eraser.js';
import { checkChannel } from '../publication.js';
import type { RedisConnection } from './connection.js';
import { foreignAnswer } from './errors.js';

export class Erasures implements HistoryEraser {
  readonly #connection: Pick<RedisConnection, 'prefix' | 'call'>;

  constructor(connection: Pick<RedisConnection, 'prefix' | 'call'>) {
    this.#connection = connection;
  }

  async erase(channel: string): Promise<Erasure> {
    checkChannel(channel);
    const answer = await this.#connection.call('write', 'erase', this.#keys(channel), []);
    const [begin, told]: unknown[] = Array.isArray(answer) ? answer : [];
    if (isOffset(begin) && typeof told === 'number') return { begin, told };
    throw foreignAnswer('where a history begins');
  }

  async forgot(channel: string, begin: Offset, node: string): Promise<void> {
    await this.#connection.call('write', 'forgot', this.#keys(channel), [begin, node]);
  }

  async whoForgot(channel: string, begin: Offset): Promise<readonly string[]> {
    const answer = await this.#connection.call('read', 'who_forgot', this.#keys(channel), [begin]);
    if (Array.isArray(answer)) return answer.map(String);
    throw foreignAnswer('a list of nodes');
  }

  #keys(channel: string): string[] {
    const base = `${this.#connection.prefix}:{${channel}}`;
    return [`${base}:log`, `${base}:tail`, `${base}:forgot`];
  }
}
