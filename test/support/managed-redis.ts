// A proxy before a real Redis that refuses some commands in the words of a managed one, and passes everything else on.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { privateHost, type RedisServer } from './redis.js';
import { ReplyCutter } from './redis-replies.js';

export interface ManagedRedis {
  readonly url: string;
  close(): Promise<void>;
}

/** `refusals`: error replies, with their minus sign, by command in capitals. Good for what answers each command once: not for messages. */
export async function startManagedRedis(
  { host, port }: RedisServer,
  refusals: Readonly<Record<string, string>>,
): Promise<ManagedRedis> {
  const own = privateHost();
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const redis = connect(port, host);
    for (const [socket, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      sockets.add(socket);
      socket
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(socket);
          other.destroy();
        });
    }
    pass(client, redis, refusals);
  }).listen(0, own);
  await once(server, 'listening');
  const { port: listening } = server.address() as AddressInfo;
  return {
    url: `redis://${own}:${listening}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function pass(client: Socket, redis: Socket, refusals: Readonly<Record<string, string>>): void {
  /** Of commands under way, in their order: what they are answered, `undefined` where Redis does that. */
  const answers: (string | undefined)[] = [];
  // A command is an array of bulk strings, and is cut as a reply is.
  const commands = new ReplyCutter();
  const replies = new ReplyCutter();
  const answerOwn = () => {
    while (typeof answers[0] === 'string') client.write(`${answers.shift()}\r\n`);
  };
  client.on('data', (chunk: Buffer) => {
    for (const command of commands.take(chunk)) {
      const name = /^\*\d+\r\n\$\d+\r\n([^\r]+)/.exec(command.toString('latin1'))?.[1]?.toUpperCase() ?? '';
      answers.push(refusals[name]);
      if (refusals[name] === undefined) redis.write(command);
    }
    answerOwn();
  });
  redis.on('data', (chunk: Buffer) => {
    for (const reply of replies.take(chunk)) {
      answers.shift();
      client.write(reply);
      answerOwn();
    }
  });
}
