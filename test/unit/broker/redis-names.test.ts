// What names in Redis begin with.

import { expect, test } from 'vitest';
import { generateLibrary } from '../../../src/broker/redis/functions/library.js';
import { redisNames } from '../../../src/broker/redis/names.js';
import { Namespaces } from '../../../src/config/namespaces.js';

const namespaces = new Namespaces();

test('in database 0 all begin with the prefix; elsewhere what all databases share carries the number', () => {
  expect(redisNames('app', 0)).toEqual({ prefix: 'app', database: 0, bus: 'app', library: 'app' });
  expect(redisNames('app', 12)).toEqual({ prefix: 'app', database: 12, bus: 'app:12', library: 'app_12' });
});

test('the library of a database registers its functions and writes on the bus under the number, and its keys without', () => {
  const code = generateLibrary({ prefix: 'app', database: 3, namespaces }).code(0);
  expect(code).toMatch(/^#!lua name=app_3\nlocal PREFIX = 'app'\nlocal BUS = 'app:3'\nlocal LIBRARY = 'app_3'\n/);
  expect(code).not.toMatch(/register_function\(PREFIX|function_name = PREFIX|fan_out, PREFIX/);
});
