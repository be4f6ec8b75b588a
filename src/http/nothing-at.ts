// What is told of a path at which nothing is: where it would be answered, if it is one of ours.

import { FanfareError } from '../lib/errors.js';
import { PATHS } from '../protocol/index.js';

const { connect, ticket, nodes, revocations, users, websocket, stream, poll, publish, channels } = PATHS;
/** Whole paths, or what they begin with. */
const OF_DISCOVERY = [connect, ticket];
const OF_OPERATORS = [nodes, revocations, users];
const OF_NODES = [websocket, stream, poll, publish, channels];

/** `not_found`, for a `path` of a request that goes to a `node`, or to `discovery`. */
export function nothingAt(path: string, role: 'node' | 'discovery'): FanfareError {
  const isAmong = (paths: readonly string[]) => paths.some((one) => path === one || path.startsWith(`${one}/`));
  const told = (detail: string) => new FanfareError('not_found', detail);
  if (role === 'node' && isAmong([...OF_DISCOVERY, ...OF_OPERATORS])) {
    return told('discovery answers this path, and this is a push node');
  }
  if (role === 'discovery' && isAmong(OF_NODES)) {
    return told(`push nodes answer this path, and this is discovery: ask the node that ${connect} names`);
  }
  if (role === 'discovery' && isAmong(OF_OPERATORS)) {
    return told(
      'there is nothing at this path: operators have theirs where an admin key is set, or at a port of their own',
    );
  }
  return told('there is nothing at this path');
}
