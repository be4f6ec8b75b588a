// Which algorithms a public key may verify, and why another key may verify none.

import type { KeyObject } from 'node:crypto';
import { type Algorithm, keyAlgorithms, MIN_RSA_BITS } from '../lib/jwt-algorithms.js';

/** At least one; a text says what is wrong with the key, as what follows its name. */
export function algorithmsOf(key: KeyObject): readonly Algorithm[] | string {
  const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa' && modulusLength < MIN_RSA_BITS) {
    return `has ${modulusLength} bits, RSA needs at least ${MIN_RSA_BITS}`;
  }
  const algorithms = keyAlgorithms(key);
  if (algorithms.length > 0) return algorithms;
  return key.asymmetricKeyType === 'ec' ? 'is on no curve of P-256, P-384 and P-521' : 'is neither RSA, EC nor Ed25519';
}
