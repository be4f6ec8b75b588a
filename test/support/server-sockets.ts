// Names the sockets that a process of this machine still holds on a port that it serves.

import { readFile } from 'node:fs/promises';

const LISTENING = '0A';

/**
 * The peers' ports of TCP sockets that belong to a descriptor and have this local port, listeners left out. A socket that
 * only the kernel still ends has no descriptor.
 */
export async function heldSockets(port: number): Promise<readonly number[]> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8')));
  const rows = tables.flatMap((table) => table.split('\n').slice(1)).map((line) => line.trim().split(/ +/));
  return rows
    .filter(([, local = '', , state, , , , , , inode]) => {
      return local.endsWith(suffix) && state !== LISTENING && inode !== '0';
    })
    .map(([, , remote = '']) => Number.parseInt(remote.split(':')[1] ?? '', 16));
}
