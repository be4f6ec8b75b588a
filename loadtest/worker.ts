// A worker process: opens the clients that it is told to and answers with what they received.

import { NOW } from '../src/protocol/index.js';
import { BAD_READERS, type ClientParts, type LoadClient, type Reading } from './clients/link.js';
import { openPeer, PEERS } from './clients/peer.js';
import { openPoll } from './clients/poll.js';
import { openStream } from './clients/stream.js';
import { Tally } from './clients/tally.js';
import { fetchTickets, type Ticket } from './clients/tickets.js';
import { openWebSocket } from './clients/websocket.js';
import { LoopLag } from './loop-lag.js';
import { nowUs } from './payload.js';
import { mintToken } from './tokens.js';
import type { OpenCommand, PrepareCommand, WorkerAnswer, WorkerCommand } from './worker-messages.js';

/** By the client's number. */
const tickets = new Map<number, Ticket>();
const lag = new LoopLag();
let clients: LoadClient[] = [];
let ended = 0;
let bytesOutBefore = 0;
let tally = freshTally();

process.on('message', (message) => obey(message as WorkerCommand));
process.once('disconnect', () => process.exit(0)); // also when the main process dies

function obey(command: WorkerCommand): void {
  switch (command.do) {
    case 'prepare':
      return afterwards(prepare(command), () => answer({ is: 'prepared' }));
    case 'open':
      return afterwards(prepare(command), () => open(command));
    case 'reset':
      tally.reset(command.first, command.reportEvery, command.latency);
      bytesOutBefore = bytesOut();
      lag.start();
      return answer({ is: 'reset' });
    case 'report': {
      const counted = { ...tally.report(command.window), ...lag.read() };
      return answer({ is: 'report', ...counted, ended, bytesOut: bytesOut() - bytesOutBefore });
    }
    case 'release':
      release();
      return answer({ is: 'released' });
  }
}

function afterwards(work: Promise<void>, then: () => void): void {
  work.then(then, (error: unknown) => answer({ is: 'failed', reason: String(error) }));
}

function answer(message: WorkerAnswer): void {
  process.send?.(message);
}

function freshTally(): Tally {
  return new Tally((deliveries) => answer({ is: 'progress', deliveries }));
}

function bytesOut(): number {
  return clients.reduce((sum, client) => sum + client.bytesOut(), 0);
}

function release(): void {
  for (const client of clients) client.close();
  clients = [];
  ended = 0;
  bytesOutBefore = 0;
  tally = freshTally();
}

/** Opens `count` clients, at most `atOnce` of them underway at a time. */
function open(command: OpenCommand): void {
  const startUs = nowUs();
  let begun = 0;
  let ready = 0;
  let failed = false;
  const next = (): void => {
    if (begun < command.count && !failed) begin(begun++);
  };
  const begin = (index: number): void => {
    const number = command.first + index;
    const reading = { how: 'all' as Reading };
    const ticket = tickets.get(number);
    const { host, port } = command.follows === true && ticket !== undefined ? ticket : command;
    clients.push(
      openClient(command, {
        host,
        port,
        number,
        place: tally.addClient(number),
        channel: command.channel.replace('%', String(number % (command.channels ?? Number.POSITIVE_INFINITY))),
        positions: positionsOf(command, number),
        token: ticket?.ticket,
        joins: command.joins === true,
        reading,
        onReady: () => {
          if (command.readBadly === true) reading.how = BAD_READERS[number % BAD_READERS.length] ?? 'never';
          ready += 1;
          if (ready === command.count) answer({ is: 'opened', tookMs: (nowUs() - startUs) / 1000 });
          else next();
        },
        onEnd: (reason) => {
          ended += 1;
          if (ready === command.count) tally.surprised(reason);
          else if (!failed) {
            failed = true;
            answer({ is: 'failed', reason });
          }
        },
      }),
    );
  };
  for (let index = 0; index < command.atOnce; index += 1) next();
}

function positionsOf(command: OpenCommand, client: number): Readonly<Record<string, string>> | undefined {
  const { channel: name, channels, channelsEach } = command;
  const positions =
    channelsEach === undefined
      ? command.positions
      : Object.fromEntries(Array.from({ length: channelsEach }, (_, at) => [`${name}:${at}`, NOW]));
  if (positions === undefined) return undefined;
  const number = client % (channels ?? Number.POSITIVE_INFINITY);
  return Object.fromEntries(
    Object.entries(positions).map(([channel, after]) => [channel.replace('%', String(number)), after]),
  );
}

function openClient(command: OpenCommand, parts: ClientParts): LoadClient {
  const peer = command.dialect === undefined ? undefined : PEERS[command.dialect];
  if (peer !== undefined) return openPeer(peer, command.transport, parts, tally);
  switch (command.transport) {
    case 'websocket':
      return openWebSocket(parts, tally);
    case 'sse':
      return openStream(parts, tally);
    case 'long-poll':
      return openPoll(parts, 0, tally);
    case 'short-poll':
      return openPoll(parts, command.pollEveryMs, tally);
  }
}

/** Every client is a user of its own, as in a real crowd: a token that is verified once for all would flatter the server. */
async function prepare(command: PrepareCommand | OpenCommand): Promise<void> {
  const { secret, first, count } = command;
  if (secret === undefined) return;
  const channels = Object.keys(command.positions ?? { [command.channel]: '' });
  const grants = channels.map((channel) => channel.replace('%', '*'));
  const without = Array.from({ length: count }, (_, index) => first + index).filter((number) => !tickets.has(number));
  const tokens = without.map((number) => mintToken(secret, `user-${number}`, grants));
  const fetched = await fetchTickets(`http://${command.host}:${command.port}`, tokens);
  for (const [index, number] of without.entries()) {
    const ticket = fetched[index];
    if (ticket !== undefined) tickets.set(number, ticket);
  }
}
