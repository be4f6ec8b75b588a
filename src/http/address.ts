// One spelling for each IP address, however the system or a header writes it, and the part of it that limits count.

import { isIP } from 'node:net';

const MAPPED = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;
const GROUPS = 8;
/** An IPv6 site is given 64 bits of network at least: whoever has one address of a /64 has all of them. */
const SITE_GROUPS = 4;

/** IPv4 without its IPv6 prefix, IPv6 shortened and without a zone. What is no address is handed back as it is. */
export function plainAddress(address: string): string {
  if (!address.includes(':')) return address;
  // A link-local peer's is reported with its zone, as `fe80::1%eth0`.
  const [bare = ''] = address.split('%', 1);
  if (isIP(bare) !== 6) return address;
  const short = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const mapped = MAPPED.exec(short);
  if (mapped === null) return short;
  const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** What a limit by address counts: an IPv4 address as it is, an IPv6 address by its /64. What is no address is handed back. */
export function addressKey(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(':') || isIP(plain) !== 6) return plain;
  const [front = '', back = ''] = plain.split('::', 2);
  const [before, after] = [groupsOf(front), groupsOf(back)];
  const zeros = Array.from({ length: GROUPS - before.length - after.length }, () => '0');
  return `${[...before, ...zeros, ...after].slice(0, SITE_GROUPS).join(':')}::/64`;
}

function groupsOf(text: string): readonly string[] {
  return text === '' ? [] : text.split(':');
}

/** IPv6 with and without brackets, IPv4, a host with its port, a name with a dot (no path of a file), a name that was not found. */
const ADDRESSES = [
  /\[[0-9a-f:.%\w]*:[0-9a-f:.%\w]*\](:\d+)?/gi,
  /(?<![\w:])[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}(%\w+)?(?![\w:])/gi,
  /\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b/g,
  /\b[a-z\d_]([\w-]*\.)*[\w-]*:\d{1,5}\b/gi,
  /(?<![/\w.-])[a-z\d][\w-]*(\.[\w-]+)*\.[a-z]{2,}\b/gi,
  /(?<=\b(ENOTFOUND|EAI_AGAIN) )\S+/g,
];
const HIDDEN = '(address)';

/** A text for everybody: without IP addresses, host names with a dot, and hosts with a port. */
export function withoutAddresses(text: string): string {
  const hidden = ADDRESSES.reduce((rest, pattern) => rest.replaceAll(pattern, HIDDEN), text);
  // One that a text says twice is said once.
  return hidden.replaceAll(`${HIDDEN} (${HIDDEN})`, HIDDEN);
}
