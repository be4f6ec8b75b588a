// Reading a subscription with `for await`: a queue from its beginning on, and what its iterators are told.

import type { Begin } from '../src/protocol/index.js';
import { createFailure } from './errors.js';
import { CLOSE_NORMAL, MAX_QUEUED } from './numbers.js';

/** What one `next` comes to. */
type Take<Item> = () => IteratorResult<Item, undefined>;

export interface Reading<Item> {
  /** Where the first of what waits comes after, if anything does. */
  readonly position: Begin | undefined;
  /** What is to be taken next, and where it comes after; once `MAX_QUEUED` wait, the one after them is an error with code `overflow`, at the hole. */
  push(take: Take<Item>, position: Begin): void;
  /** Drops what waits, and all that is still to come, unless somebody iterates. */
  skip(): void;
  /** Nothing more comes: iterators end with what waits, or with the error. */
  end(error: Error | undefined): void;
  iterate(): AsyncIterator<Item, undefined>;
}

const finish = () => ({ done: true, value: undefined }) as const;

const fail = (error: Error) => () => {
  throw error;
};

/** `leave` is called when an iterator is left. */
export const createReading = <Item>(leave: () => void): Reading<Item> => {
  const takes: Take<Item>[] = [];
  const positions: Begin[] = [];
  const waiting = new Set<(take: Take<Item>) => void>();
  let isRead: boolean | undefined;
  let last: Take<Item> | undefined;
  /** What stands for the messages that found no room. */
  const overflow = () => {
    throw createFailure(CLOSE_NORMAL, 'overflow');
  };

  /** An error that ends it is told once. */
  const ending = () => {
    const take = last;
    if (last) last = finish;
    return take as Take<Item>;
  };

  const push = (take: Take<Item>, position: Begin) => {
    const [next] = waiting;
    if (next) next(take);
    else if (isRead !== false && (takes.length < MAX_QUEUED || takes.at(-1) !== overflow)) {
      takes.push(takes.length < MAX_QUEUED ? take : overflow);
      positions.push(position);
    }
  };

  const iterate = (): AsyncIterator<Item, undefined> => {
    let isLeft = false;
    isRead = true;
    return {
      next: () =>
        new Promise((resolve, reject) => {
          const settle = (take: Take<Item>) => {
            waiting.delete(settle);
            try {
              resolve(take());
            } catch (error) {
              reject(error);
            }
          };
          if (!isLeft) positions.shift();
          const take = isLeft ? finish : (takes.shift() ?? ending());
          if (take) return settle(take);
          waiting.add(settle);
        }),
      async return() {
        isLeft = true;
        // Which ends whoever waits, too.
        leave();
        return finish();
      },
    };
  };

  return {
    get position() {
      return positions[0];
    },
    push,
    skip() {
      if (isRead) return;
      isRead = false;
      takes.length = positions.length = 0;
    },
    end(error) {
      last = error ? fail(error) : finish;
      for (const settle of [...waiting]) settle(ending());
    },
    iterate,
  };
};
