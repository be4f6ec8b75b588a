// The options that bound what a client may do: all limits by name, and the short forms of some.

import { limitsType } from './limits-type.js';
import { FRONT, NODES, option, ROLES } from './option-info.js';
import { wholeNumber } from './value-types.js';

export const limitOptions = {
  limits: option(limitsType(), {
    about: 'limits by name, over the short forms that follow; see [Limits](#limits)',
    roles: ROLES,
    default: '{}',
    defaultText: 'none of its own',
  }),
  commandsPerSecond: option(wholeNumber(1, 100_000), {
    about:
      'commands of one ticket per second, on average (a subscribe is a tenth for each channel); publishes of one user',
    roles: NODES,
    default: '20',
  }),
  commandBurst: option(wholeNumber(1, 100_000), {
    about: 'the same, at once',
    roles: NODES,
    default: '40',
  }),
  pollsPerSecond: option(wholeNumber(1, 100_000), {
    about: 'units per second for polls and streams of one ticket; each costs a tenth for each channel that it names',
    roles: NODES,
    default: '20',
  }),
  pollBurst: option(wholeNumber(1, 100_000), {
    about: 'the same, at once',
    roles: NODES,
    default: '40',
  }),
  linksPerUser: option(wholeNumber(0, 1_000_000), {
    about:
      'WebSockets, streams and waiting polls of one user at one node (at all: `limits`, `links`, `shared`); those who have no name have a quarter of its places at one address; 0 is no limit',
    roles: NODES,
    default: '100',
  }),
  connectsPerUser: option(wholeNumber(1, 100_000), {
    about: 'calls of discovery per user and second; who has no name is counted by address alone',
    roles: FRONT,
    default: '10',
  }),
  connectsPerIp: option(wholeNumber(0, 1_000_000), {
    about: 'calls of discovery per address (IPv6: per /64) and second, whoever asks; 0 is no limit',
    roles: FRONT,
    default: '0',
  }),
  handshakesPerIp: option(wholeNumber(0, 1_000_000).optional(), {
    about: 'sockets of one address that have neither been answered nor let in; 0 is no limit',
    roles: ROLES,
    defaultText: '512 or a sixteenth of `maxConnections`, whichever is less; discovery has 10,000 of them',
  }),
};
