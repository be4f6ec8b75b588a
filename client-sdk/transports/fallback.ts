// The transport that tries others in order, remembers for a while what worked, and itself looks like one of them.

import type { Transport } from '../../src/protocol/index.js';
import { createFailure, type Failure, toFailure } from '../errors.js';
import type { Link, OpenLink } from '../link.js';
import {
  CLOSE_NETWORK,
  CLOSE_WORD,
  REMEMBER_MS,
  SLOW_MS,
  TRANSPORT_LIMIT_MS,
  YOUNG_DEATHS,
  YOUNG_MS,
} from '../numbers.js';
import type { Settings } from '../settings.js';
import { createTimers } from '../timers.js';

/** Tries `transports` in their order; needs at least one. */
export const fallback = (transports: ReadonlyMap<Transport, OpenLink>, { clock, url, storage }: Settings): OpenLink => {
  const { now: unixMs, monotonic: now } = clock;
  const names = [...transports.keys()];
  /** Links of one transport in a row that died young. */
  let deaths = 0;

  /** Reads or writes what the next page of the tab is to know; a page that may not remembers alone. */
  const store = (method: 'getItem' | 'setItem', value = ''): string => {
    try {
      return (storage === undefined ? sessionStorage : storage)?.[method](`fanfare:${url}`, value) ?? '';
    } catch {
      return '';
    }
  };
  /** The transport to begin with, and until when. */
  let [preferred = 0, untilMs = 0] = store('getItem').split(' ').map(Number);
  untilMs = now() + Math.min(untilMs - unixMs(), REMEMBER_MS);
  const prefer = (index: number) => {
    preferred = index;
    untilMs = now() + REMEMBER_MS;
    store('setItem', `${index} ${unixMs() + REMEMBER_MS}`);
  };

  return (host) => {
    const timers = createTimers(clock);
    const candidates = new Set<Link>();
    const order = [...names.keys()];
    let failure = createFailure(CLOSE_NETWORK, 'network');
    let newest: Link | undefined;
    let winner: number | undefined;
    let sinceMs = 0;

    const start = () => {
      const index = order.shift() ?? -1;
      const name = names[index];
      const openLink = name && host.session.transports.includes(name) && transports.get(name);
      if (!name) return candidates.size || host.lost(failure);
      timers.set(start, openLink ? SLOW_MS : 0);
      if (!openLink) return;
      try {
        const expire = () => giveUp(link, createFailure(CLOSE_NETWORK, 'timeout'));
        const link: Link = openLink({
          ...host,
          touch() {
            // What comes, however slowly, is progress: it needs nobody beside it.
            if (winner === undefined && candidates.has(link)) {
              timers.set(expire, TRANSPORT_LIMIT_MS);
              if (link === newest && order[0] !== undefined) timers.set(start, SLOW_MS);
            }
            host.touch();
          },
          connected(_, heartbeatMs, limits) {
            if (winner === undefined) {
              candidates.delete(link);
              stop();
              candidates.add(link);
              winner = index;
              sinceMs = now();
              if (index !== preferred || untilMs <= sinceMs) prefer(index);
              if (index) timers.set(probe, untilMs - sinceMs);
            }
            host.connected(name, heartbeatMs, limits);
          },
          lost: (why) => giveUp(link, why),
        });
        newest = link;
        candidates.add(link);
        timers.set(expire, TRANSPORT_LIMIT_MS);
      } catch (error) {
        failure = toFailure(error);
        timers.set(start, 0);
      }
    };

    /** Asks for another link, which begins with the first transport. */
    const probe = () => {
      untilMs = 0;
      host.receive({ type: 'move', withinMs: 0, reason: '' }, { order: host.order, sinceMs: 0 });
    };

    const giveUp = (link: Link, why: Failure) => {
      failure = why;
      // A server's word is no failure of the transport; and the winner has nobody behind it.
      if (winner !== undefined || why.close >= CLOSE_WORD) return host.lost(why);
      link.close();
      if (candidates.delete(link) && (link === newest || !candidates.size)) start();
    };

    const stop = () => {
      timers.clear();
      for (const link of [...candidates]) link.close();
      candidates.clear();
    };

    if (untilMs > now()) order.unshift(...order.splice(preferred));
    start();
    return {
      sync() {
        for (const link of candidates) link.sync();
      },
      refresh() {
        for (const link of candidates) link.refresh();
      },
      probe() {
        for (const link of candidates) link.probe();
      },
      quiet() {
        for (const link of candidates) link.quiet();
      },
      publish: (outgoing) => [...candidates].some((link) => link.publish(outgoing)),
      close(why) {
        stop();
        // A server's word says nothing about the transport.
        if (winner === undefined || !why || why.close >= CLOSE_WORD) return;
        deaths = now() - sinceMs < YOUNG_MS || why.code === 'timeout' ? deaths + 1 : 0;
        if (deaths < YOUNG_DEATHS) return;
        deaths = 0;
        prefer((winner + 1) % names.length);
      },
    };
  };
};
