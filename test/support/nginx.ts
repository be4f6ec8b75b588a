// Debian's nginx as it is shipped, in front of a node: it asks in HTTP/1.0 and knows nothing of upgrades.

import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { guard } from '../../loadtest/guard.js';

const WHERE = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
const binary = WHERE.map((folder) => join(folder, 'nginx')).find((path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
});

/** Why tests of it are to be skipped, for their title. */
export const nginxSkipReason: string | undefined = binary === undefined ? 'nginx is not installed' : undefined;

export interface Nginx {
  readonly url: string;
  close(): Promise<void>;
}

/** Has it pass on what is below `/v1/` but for discovery's to `node`, everything else to `front`; its own defaults for all else. */
export async function startNginx(node: string, front: string): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-nginx-'));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const text = `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr crit;
events {}
http {
  access_log off; ${temporary.join(' ')}
  server {
    listen 127.0.0.1:${port};
    location ~ ^/v1/(ws|stream|poll|publish)$ { proxy_pass ${node}; }
    location / { proxy_pass ${front}; }
  }
}
`;
  await writeFile(join(folder, 'nginx.conf'), text);
  const child = spawn(binary ?? 'nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  guard(child, folder);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await Promise.race([isListening(port), ended.then(() => Promise.reject(new Error('nginx has ended')))]);
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Resolves when somebody listens there. */
function isListening(port: number): Promise<void> {
  return new Promise((resolve) => {
    const attempt = () => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve();
      });
      socket.once('error', () => setTimeout(attempt, 20));
    };
    attempt();
  });
}
