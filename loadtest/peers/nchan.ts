// nchan, the nginx module, as a server that can be put in a run: in memory, with one worker.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { postRequest } from '../clients/http.js';
import { freePort } from '../free-port.js';
import { pause } from '../lab.js';
import { connectPipelined } from '../publisher.js';
import { type Conditions, type Contender, type Opened, opening } from '../run/contender.js';
import { isInstalled, startProgram, versionOf } from './program.js';

const MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so';
const HOST = '127.0.0.1';

export const NCHAN: Contender = {
  missing: () =>
    isInstalled('nginx', '-v') && existsSync(MODULE)
      ? undefined
      : 'nginx with nchan is not installed (Debian: libnginx-mod-nchan)',
  configuration: () =>
    [
      `# ${versionOf('nginx', '-v')}, nchan ${packageVersion()}`,
      '# messages by POST /pub/<channel>, pipelined over one link; no Redis: nginx itself keeps the last 100 of each channel',
      '# the CPU is that of the one worker, publishing included',
      configurationOn('<port>'),
    ].join('\n'),
  open: openNchan,
};

/** As Debian names it; elsewhere the module does not say. */
function packageVersion(): string {
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${Version}', 'libnginx-mod-nchan'], { encoding: 'utf8' });
  return stdout || 'of an unknown version';
}

function configurationOn(port: number | string): string {
  return `load_module ${MODULE};
daemon off; worker_processes 1; worker_rlimit_nofile 200000; error_log stderr warn; pid nginx.pid;
events { worker_connections 100000; multi_accept on; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; nchan_shared_memory_size 512M;
  server {
    listen ${HOST}:${port} backlog=4096 reuseport;
    location ~ ^/sub/(.+)$ {
      nchan_subscriber; nchan_channel_id $1; nchan_subscriber_first_message newest; nchan_websocket_ping_interval 60;
    }
    location ~ ^/pub/(.+)$ {
      nchan_publisher http; nchan_channel_id $1; nchan_message_buffer_length 100; nchan_message_timeout 1m;
    }
  }
}
`;
}

function openNchan({ instruments }: Conditions): Promise<Opened> {
  return opening(async (later) => {
    const port = await freePort(HOST);
    const program = await startProgram({
      ...{ command: 'nginx', file: 'nginx.conf', configuration: configurationOn(port), host: HOST, port },
      args: (folder) => ['-p', `${folder}/`, '-c', 'nginx.conf', '-e', 'stderr'],
    });
    later(() => program.close());
    const address = { host: HOST, port };
    const publisher = instruments.publisher(await connectPipelined(address));
    later(() => publisher.close());
    return {
      pid: await workerOf(program.pid),
      ...(await instruments.route(address)),
      redisPids: [],
      publisher,
      encode: (channel, payload) => postRequest({ ...address, token: undefined }, `/pub/${channel}`, payload),
      topic: (channel) => channel,
      dialect: 'nchan',
      collects: false,
    };
  });
}

const PATIENCE_MS = 5_000;
const LOOK_AGAIN_MS = 10;

/** The master listens, and only then starts its worker, which serves. */
async function workerOf(master: number): Promise<number> {
  for (const untilMs = performance.now() + PATIENCE_MS; ; ) {
    const [worker = ''] = readFileSync(`/proc/${master}/task/${master}/children`, 'latin1').trim().split(' ');
    if (worker !== '') return Number(worker);
    if (performance.now() > untilMs) throw new Error('nginx has no worker');
    await pause(LOOK_AGAIN_MS);
  }
}
