// The options of where Redis is, and how it is spoken to.

import { readTextFile } from '../lib/text-file.js';
import { cannotRead, shown } from './config-problem.js';
import { redisUrl } from './network-types.js';
import { NODES, option, ROLES } from './option-info.js';
import { boolean, type Reading, text, valueType } from './value-types.js';

const PEM = /^-----BEGIN [A-Z0-9 ]+-----$/m;

const prefixType = text('a letter, then up to 31 of a-z 0-9 _', (value) => /^[a-z][a-z0-9_]{0,31}$/.test(value));

/** A file in PEM, or its text; handed on as the text. */
const pemFile = (label: string) =>
  valueType((raw): Reading<string> => {
    const expected = `a file in PEM with a ${label.toLowerCase()}`;
    if (typeof raw !== 'string' || raw === '') return { expected, got: shown(raw) };
    let pem = raw;
    if (!PEM.test(raw)) {
      try {
        pem = readTextFile(raw);
      } catch (error) {
        return { expected, got: `a file that is not there (${cannotRead(raw, error)})` };
      }
    }
    const isOne = pem.includes('-----BEGIN ') && pem.includes(`${label}-----`);
    return isOne ? { value: pem } : { expected, got: 'something else (not shown)' };
  });

const sentinelAuth = text('user:password, or a password alone', (value) => /^[^\s]{1,1024}$/.test(value));

export const redisOptions = {
  redisUrl: option(redisUrl().optional(), {
    about: 'redis://, rediss://, redis+sentinel://host,host/name, redis+cluster://host,host',
    roles: ROLES,
    defaultText: 'none: memory broker (`start` only)',
    secret: true,
    fromFile: true,
  }),
  redisCa: option(pemFile('CERTIFICATE').optional(), {
    about: 'a file with the certificates that Redis, and Sentinels, are verified with, in PEM',
    roles: ROLES,
    defaultText: 'those of Node, and of `NODE_EXTRA_CA_CERTS`',
    secret: true,
  }),
  redisCert: option(pemFile('CERTIFICATE').optional(), {
    about: 'a file with the certificate that is shown to Redis, in PEM',
    roles: ROLES,
    secret: true,
  }),
  redisKey: option(pemFile('PRIVATE KEY').optional(), {
    about: 'a file with the key of that certificate, in PEM',
    roles: ROLES,
    secret: true,
  }),
  redisSentinelAuth: option(sentinelAuth.optional(), {
    about: '`user:password` or the password of the Sentinels',
    roles: ROLES,
    defaultText: 'those of the URL',
    secret: true,
    fromFile: true,
  }),
  redisPushReader: option(boolean(), {
    about: 'whether a node reads messages of the bus by itself, or by its Redis client, which takes longer',
    roles: NODES,
    default: 'true',
  }),
  prefix: option(prefixType, { about: 'what all names in Redis begin with', roles: ROLES, default: 'fanfare' }),
};
