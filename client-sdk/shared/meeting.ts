// The seam between a tab and the ways to find the hub that serves it, and what of the browser they need.

import type { Port } from './port.js';

/** The part of a `LockManager` that is used. */
export type Locks = {
  request(
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    hold: () => unknown,
  ): Promise<unknown>;
};

/** What of the browser tabs find each other by. */
export type Browser = {
  readonly locks: Locks;
  readonly BroadcastChannel: new (name: string) => Port;
};

/** A tab's search for its hub, and for the next one. */
export interface Meeting {
  /** Asks whether there is a hub. */
  ask(): void;
  /** The hub is silent; `wasThere` if it has ever said anything. Another is looked for, or made. */
  renew(wasThere: boolean): void;
  /** Where the hub is in this very tab: has it log out, before the tab can be closed. */
  logOut?(): void;
  /** Leaves the hub, and the search. */
  close(): void;
}

/** Has `attend` called once a lock of that name is held, which ends with the page, whatever ends that; returns what gives it up. */
export const holdLock = ({ locks }: Browser, name: string, attend: () => void): (() => void) => {
  let isLeft = false;
  let leave = () => {
    isLeft = true;
  };
  const hold = () =>
    new Promise<void>((resolve) => {
      if (isLeft) return resolve();
      leave = resolve;
      attend();
    });
  void locks.request(name, {}, hold);
  return () => leave();
};
