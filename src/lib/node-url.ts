// What the URL of a node may be, which whoever configures one and whoever keeps a registry has to agree on.

export const MAX_NODE_URL_LENGTH = 512;

const FORM = /^https?:\/\/(?:[A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?(?:\/[A-Za-z0-9._~/-]*)?$/;

/** Names the rule that a node's URL breaks, or returns `undefined`. The Lua of the registry's Redis form checks the same. */
export function nodeUrlProblem(url: string): string | undefined {
  const match = url.length <= MAX_NODE_URL_LENGTH ? FORM.exec(url) : null;
  if (match === null) return 'a node URL is http(s)://host, with an optional port and path and nothing else';
  const port = match[1];
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return 'a port lies between 1 and 65535';
  return undefined;
}
