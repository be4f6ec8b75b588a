// The options of TLS in a server itself.

import { option, ROLES } from './option-info.js';
import { text } from './value-types.js';

const path = text('the path of a file in PEM', (value) => value.length > 0 && !value.includes('-----BEGIN'));

export const tlsOptions = {
  tlsCert: option(path.optional(), {
    about:
      'a file with the certificate that clients are shown, and behind it those that lead to its root, in PEM; taken anew when it changes',
    roles: ROLES,
    defaultText: 'none: plain HTTP, as behind a proxy that ends TLS',
  }),
  tlsKey: option(path.optional(), {
    about: 'a file with the key of that certificate, in PEM; taken anew when it changes',
    roles: ROLES,
  }),
};
