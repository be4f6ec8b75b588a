// `fanfare/client/shared`: a client whose connection all tabs of its origin share, where they are of one user.

import { misuse } from './arguments.js';
import { BROWSER } from './shared/browser.js';
import { createSharing } from './shared/sharing.js';
import type { WorkerLike } from './shared/worker.js';
import type { AnyChannels, Client, ClientOptions } from './types.js';

export { FanfareError } from './errors.js';
export type * from './types.js';

export interface SharedClientOptions extends ClientOptions {
  /**
   * Where the code of the worker is, on the origin of the page; `null`: do without one. Default: beside this module, where bundlers that know
   * `new URL('…', import.meta.url)` put it. Where there is none, one of the tabs does a worker's work.
   */
  readonly worker?: string | { readonly href: string } | null | undefined;
}

export interface SharedClient<Channels extends object = AnyChannels> extends Client<Channels> {
  /** Closes the clients of this user in all tabs, each with the reason `logged_out`. As does a function for tokens that gives `null` when a ticket is due. One that has met no other closes itself. */
  logOut(): void;
}

/**
 * Makes a client like `createClient`'s that shares its connection with the other tabs of the origin where they have the same user (the `sub` of
 * their tokens), `url`, `transports` and version of this SDK. Where tabs cannot find each other (no Web Locks, as on a page without https), it
 * has one of its own. With `fetch`, `WebSocket`, `clock`, `random` or `storage` it does without a worker. Throws `TypeError` on bad options.
 */
export function createSharedClient<Channels extends object = AnyChannels>({
  worker,
  ...options
}: SharedClientOptions): SharedClient<Channels> {
  if (worker && typeof worker !== 'string' && typeof worker.href !== 'string')
    misuse('worker', worker, 'a URL, or null');
  // Bundlers take only what is written out, and webpack names a file by it. The version: code of another one answers nobody here.
  const open = (): WorkerLike =>
    worker
      ? new SharedWorker(String(worker), { type: 'module', name: 'fanfare-0.2.0' })
      : new SharedWorker(new URL('./shared-worker.js', import.meta.url), { type: 'module', name: 'fanfare-0.2.0' });
  return createSharing(options, BROWSER, worker === null ? undefined : open) as SharedClient<Channels>;
}
