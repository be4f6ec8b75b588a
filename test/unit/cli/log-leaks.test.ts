// What the search through the logs of all tests would find.

import { expect, it } from 'vitest';
import { leaksIn } from '../../support/leaks.js';

const ENV = {
  FANFARE_AUTH_SECRET: 'a-secret-of-the-search-0123456789',
  FANFARE_PUBLISH_KEY: 'a-key-of-the-search-0123456789',
  FANFARE_REDIS_URL: 'redis://user:a-password-of-redis@127.0.0.1:6379/0',
  FANFARE_ORIGINS: 'https://app.example.com',
};

it.each([
  ['{"msg":"refused a-secret-of-the-search-0123456789"}', ['FANFARE_AUTH_SECRET']],
  ['{"key":"a-key-of-the-search-0123456789"}', ['FANFARE_PUBLISH_KEY']],
  ['{"url":"redis://user:a-password-of-redis@127.0.0.1:6379/0"}', ['the password of FANFARE_REDIS_URL']],
  ['{"authorization":"Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl"}', ['a token']],
  ['{"origin":"https://app.example.com","code":"token_expired","sub":"u1"}', []],
])('of %s it finds %j', (log, found) => {
  expect(leaksIn(log, ENV)).toEqual(found);
});
