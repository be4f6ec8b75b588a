// Where a command asks: by its flag, by the variable, or on this machine.

import { expect, it } from 'vitest';
import { serverUrl } from '../../../src/cli/server-url.js';
import { type ConfigProblem, problemLine } from '../../../src/config/config-problem.js';

function asked(flag: string | undefined, env: Record<string, string> = {}) {
  const problems: ConfigProblem[] = [];
  return { url: serverUrl(flag, problems, env), lines: problems.map(problemLine) };
}

it('is the flag before the variable before this machine, without a slash at its end', () => {
  expect(asked('https://a.example/', { FANFARE_URL: 'https://b.example' }).url).toBe('https://a.example');
  expect(asked(undefined, { FANFARE_URL: 'https://b.example/base/' }).url).toBe('https://b.example/base');
  expect(asked(undefined, { FANFARE_URL: '' }).url).toBe('http://127.0.0.1:8080');
});

it.each(['https://u:secret@a.example', 'ftp://a.example', 'a.example', 'https://a.example/?x=secret'])(
  'refuses %s, and shows no password',
  (url) => {
    const { lines } = asked(url);
    expect(lines).toEqual([
      expect.stringMatching(/^url \(flag --url\): got ".*", expected an http:\/\/ or https:\/\/ URL/),
    ]);
    expect(lines[0]).not.toContain('secret');
    expect(asked(undefined, { FANFARE_URL: url }).lines[0]).toContain('(env FANFARE_URL)');
  },
);
