// A worker process: opens the clients that it is told to and answers with what they received.

import type { ClientParts, LoadClient } from './clients/link.js';
import { openPoll } from './clients/poll.js';
import { openStream } from './clients/stream.js';
import { Tally } from './clients/tally.js';
import { fetchTickets } from './clients/tickets.js';
import { openWebSocket } from './clients/websocket.js';
import { nowUs } from './payload.js';
import { mintToken } from './tokens.js';
import type { OpenCommand, WorkerAnswer, WorkerCommand } from './worker-messages.js';

const clients: LoadClient[] = [];
let ended = 0;
let bytesOutBefore = 0;
const tally = new Tally((deliveries) => answer({ is: 'progress', deliveries }));

process.on('message', (message) => obey(message as WorkerCommand));
process.once('disconnect', () => process.exit(0)); // also when the main process dies

function obey(command: WorkerCommand): void {
  if (command.do === 'open') {
    authorise(command).then(
      (tokens) => open(command, tokens),
      (error: unknown) => answer({ is: 'failed', reason: String(error) }),
    );
    return;
  }
  if (command.do === 'reset') {
    tally.reset(command.reportEvery, command.latency);
    bytesOutBefore = bytesOut();
    return answer({ is: 'reset' });
  }
  answer(tally.report(ended, bytesOut() - bytesOutBefore));
}

function answer(message: WorkerAnswer): void {
  process.send?.(message);
}

function bytesOut(): number {
  return clients.reduce((sum, client) => sum + client.bytesOut(), 0);
}

/** Opens `count` clients, at most `atOnce` of them underway at a time. */
function open(command: OpenCommand, tokens: readonly string[]): void {
  const startUs = nowUs();
  let begun = 0;
  let ready = 0;
  let failed = false;
  const next = (): void => {
    if (begun < command.count && !failed) begin(begun++);
  };
  const begin = (index: number): void => {
    const number = command.first + index;
    clients.push(
      openClient(command, {
        host: command.host,
        port: command.port,
        number,
        place: tally.addClient(),
        channel: command.channel.replace('%', String(number)),
        token: tokens[index],
        onReady: () => {
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

function openClient(command: OpenCommand, parts: ClientParts): LoadClient {
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
async function authorise(command: OpenCommand): Promise<readonly string[]> {
  const { secret } = command;
  if (secret === undefined) return [];
  const grants = [command.channel.replace('%', '*')];
  const tokens = Array.from({ length: command.count }, (_, index) =>
    mintToken(secret, `user-${command.first + index}`, grants),
  );
  return command.tickets ? fetchTickets(`http://${command.host}:${command.port}`, tokens) : tokens;
}
