// A listening address as it stands in a URL that a person can open.

/** Where a server listens, and whether it speaks TLS there. */
export interface Listening {
  readonly host: string;
  readonly tls?: object | undefined;
}

/** `http://host:port`, or `https://`. */
export function serverUrl({ host, tls }: Listening, port: number): string {
  return `${tls === undefined ? 'http' : 'https'}://${hostInUrl(host)}:${port}`;
}

/** Where a server listens on every address, its own machine reaches it as `localhost`. */
function hostInUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::' || host === '') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
