// Why nobody answers a request, in words.

const UNKNOWN_AUTHORITY =
  'its certificate is from an authority that is not known here: NODE_EXTRA_CA_CERTS names the file of one';
const CUT_OFF = 'the connection is cut off';
const LATE = 'there is no answer in time';
/** Node names it by nothing else. */
const BAD_PORT = 'its port belongs to another protocol, and is never asked by `fetch` (bad port)';
const NO_TLS = 'what answers there does not speak TLS';

/** By the code of Node, of its `fetch` (`UND_ERR_…`) or of OpenSSL. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name cannot be looked up',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to the host',
  ECONNRESET: CUT_OFF,
  EPIPE: CUT_OFF,
  UND_ERR_SOCKET: CUT_OFF,
  ETIMEDOUT: LATE,
  UND_ERR_CONNECT_TIMEOUT: LATE,
  UND_ERR_HEADERS_TIMEOUT: LATE,
  UND_ERR_BODY_TIMEOUT: LATE,
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
};

/** Of what a socket or `fetch` has thrown; where no code along its causes is known, what the first of them says. */
export function whyNot(error: unknown): string {
  let reason = error;
  for (let depth = 0; depth < 5 && reason instanceof Error; depth++) {
    const code = 'code' in reason ? String(reason.code) : '';
    const words = Object.hasOwn(WORDS, code) ? WORDS[code] : undefined;
    if (words !== undefined) return `${words} (${code})`;
    if (reason.name === 'TimeoutError') return LATE;
    if (reason.message === 'bad port') return BAD_PORT;
    if (reason.cause === undefined) break;
    reason = reason.cause;
  }
  return reason instanceof Error ? reason.message : String(reason);
}

/** What is said of a URL that nobody answers at. */
export function unreachable(url: string, error: unknown): string {
  const { username, password, href } = new URL(url);
  if (username === '' && password === '') return `${url} cannot be reached: ${whyNot(error)}`;
  // What `fetch` says of it has them in its text.
  return `${href.replace(/\/\/[^/@]*@/, '//***@')} cannot be asked: take the name and the password out of the URL`;
}
