// The transport that tries others in order, remembers for a while what worked, and itself looks like one of them.

import type { Transport } from '../../src/protocol/index.js';
import { CLOSE_NETWORK, createFailure, type Failure, toFailure } from '../errors.js';
import type { Link, LinkHost, OpenLink } from '../link.js';
import type { Settings } from '../settings.js';
import { createTimers } from '../timers.js';
import { createTransportMemory, type TransportMemory } from './transport-memory.js';

/** After so long without success the next transport starts beside. */
const SLOW_MS = 4_000;
/** A transport that does not work by then is given up. */
const LIMIT_MS = 10_000;

/** Tries `transports` in their order; needs at least one. */
export function fallback(transports: ReadonlyMap<Transport, OpenLink>, settings: Settings): OpenLink {
  const memory = createTransportMemory([...transports.keys()], settings);
  return (host) => race(host, transports, memory);
}

function race(host: LinkHost, transports: ReadonlyMap<Transport, OpenLink>, memory: TransportMemory): Link {
  const { clock } = host.settings;
  const timers = createTimers(clock);
  const candidates = new Set<Link>();
  const allowed = host.session.transports();
  const order = memory.order().filter((name, _, { length }) => length === 1 || allowed.includes(name));
  let newest: Link | undefined;
  let winner: Transport | undefined;
  let sinceMs = 0;
  let failure = createFailure(CLOSE_NETWORK, 'network');

  const start = () => {
    const name = order.shift();
    const openLink = name && transports.get(name);
    if (!openLink) return candidates.size || host.lost(failure);
    timers.set(start, SLOW_MS, start);
    try {
      const link: Link = openLink({
        ...host,
        connected(_, heartbeatMs) {
          candidates.delete(link);
          stop();
          candidates.add(link);
          winner = name;
          sinceMs = clock.now();
          const probeMs = memory.worked(name);
          if (probeMs) timers.set(stop, probeMs, probe);
          host.connected(name, heartbeatMs);
        },
        lost: (why) => giveUp(link, why),
      });
      newest = link;
      candidates.add(link);
      timers.set(link, LIMIT_MS, () => giveUp(link, createFailure(CLOSE_NETWORK, 'timeout')));
    } catch (error) {
      failure = toFailure(error);
      timers.set(start, 0, start);
    }
  };

  /** Asks for another link, which begins with the first transport. */
  const probe = () => {
    memory.forget();
    host.receive({ type: 'move', withinMs: 0, reason: 'probe' });
  };

  const giveUp = (link: Link, why: Failure) => {
    failure = why;
    // A server's word is no failure of the transport; and the winner has nobody behind it.
    if (winner || why.close >= 4000) return host.lost(why);
    timers.clear(link);
    link.close();
    candidates.delete(link);
    if (link === newest || !candidates.size) start();
  };

  const stop = () => {
    timers.clearAll();
    for (const link of candidates) link.close();
    candidates.clear();
  };
  const each = (method: 'sync' | 'refresh') => () => {
    for (const link of candidates) link[method]();
  };

  start();
  return {
    sync: each('sync'),
    refresh: each('refresh'),
    publish: (outgoing) => [...candidates].some((link) => link.publish(outgoing)),
    close(why) {
      stop();
      if (winner && why) memory.lost(winner, why, clock.now() - sinceMs);
    },
  };
}
