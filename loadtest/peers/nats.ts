// nats-server over WebSocket, as a server that can be put in a run.

import { freePort } from '../free-port.js';
import { connectToNats, encodeNats } from '../publisher.js';
import { type Conditions, type Contender, type Opened, opening } from '../run/contender.js';
import { isInstalled, startProgram, versionOf } from './program.js';

const HOST = '127.0.0.1';

export const NATS: Contender = {
  missing: () =>
    isInstalled('nats-server', '--version') ? undefined : 'nats-server is not installed (Debian: nats-server)',
  configuration: () =>
    [
      `# ${versionOf('nats-server', '--version')}`,
      '# messages by PUB over its own protocol, acknowledged by one PONG for what is written at a time; nothing is kept (no JetStream)',
      '# GOMAXPROCS is 1 by itself, as it runs on one processor',
      configurationOn('<port>', '<port>'),
    ].join('\n'),
  open: openNats,
};

function configurationOn(port: number | string, webSocketPort: number | string): string {
  return `listen: "${HOST}:${port}"
websocket { listen: "${HOST}:${webSocketPort}", no_tls: true, compression: false }
max_connections: 200000
max_pending: 64MB
ping_interval: "60s"
`;
}

function openNats({ instruments }: Conditions): Promise<Opened> {
  return opening(async (later) => {
    const [port, webSocketPort] = [await freePort(HOST), await freePort(HOST)];
    const program = await startProgram({
      ...{ command: 'nats-server', file: 'nats.conf', configuration: configurationOn(port, webSocketPort) },
      ...{ host: HOST, port: webSocketPort },
      args: () => ['-c', 'nats.conf'],
    });
    later(() => program.close());
    const publisher = instruments.publisher(await connectToNats({ host: HOST, port }));
    later(() => publisher.close());
    return {
      pid: program.pid,
      ...(await instruments.route({ host: HOST, port: webSocketPort })),
      redisPids: [],
      publisher,
      encode: encodeNats,
      topic: (channel) => channel,
      dialect: 'nats',
      collects: false,
    };
  });
}
