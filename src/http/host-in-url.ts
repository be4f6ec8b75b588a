// The host of a listening address as it stands in a URL that a person can open.

/** Where a server listens on every address, its own machine reaches it as `localhost`. */
export function hostInUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::' || host === '') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
