// Tabs with a worker that they share: it has the hub.

import { WORKER_PATIENCE } from '../numbers.js';
import type { Settings } from '../settings.js';
import type { ClientOptions } from '../types.js';
import { type Browser, holdLock, type Meeting } from './meeting.js';
import type { Port } from './port.js';

/** The part of a `SharedWorker` that is used. */
export type WorkerLike = {
  readonly port: Port;
  onerror: ((event: never) => void) | null;
};

/** What a tab tells the worker first: what those agree in who share a hub, the lock that it holds while it is there, and the options that can be sent. */
export type Greeting = {
  readonly key: string;
  readonly lock: string;
  readonly options: ClientOptions;
  readonly isTokenLent: boolean;
  /** The session of the worker before it. */
  readonly secret: string | undefined;
};

const ignore = () => {};

/** `open` throws, or its worker says `error` or nothing, where there can be none: `otherwise` is another way. */
export const meetWorker = (
  browser: Browser,
  key: string,
  { token, random, ...settings }: Settings,
  transports: ClientOptions['transports'],
  open: () => WorkerLike,
  attach: (port: Port) => void,
  secret: () => string | undefined,
  otherwise: () => Meeting,
): Meeting => {
  const { url, pollIntervalMs, pollWaitMs } = settings;
  const isTokenLent = typeof token === 'function';
  const options = { url, transports, pollIntervalMs, pollWaitMs, token: isTokenLent ? undefined : token };
  let leave = ignore;
  let patience = WORKER_PATIENCE;
  let current: WorkerLike | undefined;
  let instead: Meeting | undefined;

  const depart = () => {
    leave();
    leave = ignore;
    current = undefined;
  };
  const giveUp = () => {
    depart();
    instead = otherwise();
  };
  const join = () => {
    depart();
    try {
      const worker = open();
      const { port } = worker;
      const lock = `${key} ${random()}`;
      current = worker;
      worker.onerror = () => {
        if (current === worker) giveUp();
      };
      leave = holdLock(browser, lock, () => {
        attach(port);
        port.postMessage({ key, lock, options, isTokenLent, secret: secret() } satisfies Greeting);
      });
    } catch {
      // As where the page's policy, or the origin of the worker's code, does not allow it.
      giveUp();
    }
  };

  join();
  return {
    ask: () => instead?.ask(),
    renew(wasThere) {
      if (instead) instead.renew(wasThere);
      else if (wasThere) join();
      else if (patience-- < 1) giveUp();
    },
    logOut: () => instead?.logOut?.(),
    close() {
      depart();
      instead?.close();
    },
  };
};
