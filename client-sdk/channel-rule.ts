// The contract's rule for names (`channel-name.ts`) in its shortest form; a test holds them together.

import { isText } from './arguments.js';

export const aChannel = isText(/^(?!:|\.\.?$|[^:]*:$)[\w.:@=+~-]{1,200}$/, 'a name: up to 200 of A-Za-z0-9_.:@=+~-');
