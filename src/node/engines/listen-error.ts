// Says why an address cannot be had, for an engine that only says that it cannot.

import { createServer } from 'node:net';

/** The error that node:net gives for the same address, with its `code`. */
export function addressInUse(host: string, port: number): Promise<Error> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', resolve);
    probe.listen({ host, port, exclusive: true }, () => {
      probe.close(() => resolve(new Error(`cannot listen on ${host}:${port}`)));
    });
  });
}
