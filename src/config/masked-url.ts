// Shows a URL without the password that it may carry, however that is written.

/** Hosts with their ports, as Sentinels and Clusters have several. */
const HOSTS = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(:\d{1,5})?(,(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(:\d{1,5})?)*$/;
const PARTS = /^([a-z][a-z0-9+.-]*:\/\/)(.*)$/is;

/**
 * Everything before the last `@` is hidden, since a password that is not encoded may hold any character; values of the query are,
 * too, and what stands where the host belongs and is none. What is no URL is handed back as it is.
 */
export function maskedUrl(url: string): string {
  const [, scheme, rest] = PARTS.exec(url) ?? [];
  if (scheme === undefined || rest === undefined) return url;
  const at = rest.lastIndexOf('@');
  const [path = '', ...query] = rest.slice(at + 1).split('?');
  const host = path.split(/[/#]/, 1)[0] ?? '';
  const shownPath = HOSTS.test(host) || host === '' ? path : `(hidden)${path.slice(host.length)}`;
  const shownQuery = query.map((part) => `?${part.replace(/=[^&#]*/g, '=(hidden)')}`).join('');
  return `${scheme}${at === -1 ? '' : '(hidden)@'}${shownPath}${shownQuery}`;
}
