// The transport that tries others in order, remembers for a while what worked, and itself looks like one of them.

import type { Transport } from '../../src/protocol/index.js';
import { createFailure, type Failure, toFailure } from '../errors.js';
import type { Link, LinkHost, OpenLink } from '../link.js';
import { CLOSE_NETWORK, SLOW_MS, TRANSPORT_LIMIT_MS } from '../numbers.js';
import type { Settings } from '../settings.js';
import { createTimers } from '../timers.js';
import { createTransportMemory, type TransportMemory } from './transport-memory.js';

/** Tries `transports` in their order; needs at least one. */
export const fallback = (transports: ReadonlyMap<Transport, OpenLink>, settings: Settings): OpenLink => {
  const memory = createTransportMemory([...transports.keys()], settings);
  return (host) => race(host, transports, memory);
};

const race = (host: LinkHost, transports: ReadonlyMap<Transport, OpenLink>, memory: TransportMemory): Link => {
  const { now } = host.clock;
  const timers = createTimers(host.clock);
  const candidates = new Set<Link>();
  const order = memory.order().filter((name, _, { length }) => length < 2 || host.session.transports.includes(name));
  let newest: Link | undefined;
  let winner: Transport | undefined;
  let sinceMs = 0;
  let failure: Failure = createFailure(CLOSE_NETWORK, 'network');

  const start = () => {
    const name = order.shift();
    const openLink = name && transports.get(name);
    if (!openLink) return candidates.size || host.lost(failure);
    timers.set(start, SLOW_MS);
    try {
      const link: Link = openLink({
        ...host,
        connected(_, heartbeatMs) {
          candidates.delete(link);
          stop();
          candidates.add(link);
          winner = name;
          sinceMs = now();
          const probeMs = memory.worked(name);
          if (probeMs) timers.set(probe, probeMs);
          host.connected(name, heartbeatMs);
        },
        lost: (why) => giveUp(link, why),
      });
      newest = link;
      candidates.add(link);
      timers.set(() => giveUp(link, createFailure(CLOSE_NETWORK, 'timeout')), TRANSPORT_LIMIT_MS);
    } catch (error) {
      failure = toFailure(error);
      timers.set(start, 0);
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
    link.close();
    if (candidates.delete(link) && (link === newest || !candidates.size)) start();
  };

  const stop = () => {
    timers.clear();
    for (const link of candidates) link.close();
    candidates.clear();
  };

  start();
  return {
    sync() {
      for (const link of candidates) link.sync();
    },
    refresh() {
      for (const link of candidates) link.refresh();
    },
    publish: (outgoing) => [...candidates].some((link) => link.publish(outgoing)),
    close(why) {
      stop();
      if (winner && why) memory.lost(winner, why, now() - sinceMs);
    },
  };
};
