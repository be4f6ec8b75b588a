// A worker, of one page or of all that ask for it, that plays the part of the scenario page.

import { createHost } from './host.js';

const TELL_MS = 50;

interface Port {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown): void;
}

const host = createHost(location.origin, (path) => import(path));

const serve = (port: Port) => {
  port.onmessage = ({ data }) => host.obey(data);
  setInterval(() => port.postMessage(host.look()), TELL_MS);
};

if ('onconnect' in globalThis) {
  Object.assign(globalThis, { onconnect: ({ ports: [port] }: MessageEvent) => port && serve(port) });
} else serve(globalThis as unknown as Port);
