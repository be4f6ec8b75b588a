// Writes what the page of production says to type, one script for each step, into a folder.

import { readFileSync, writeFileSync } from 'node:fs';

const [page, folder] = process.argv.slice(2);
for (const part of readFileSync(page, 'utf8').split(/^## /m)) {
  const number = /^(\d+)\./.exec(part)?.[1];
  if (number === undefined) continue;
  const blocks = [...part.matchAll(/```sh\n(.*?)```/gs)].map(([, text]) => text);
  writeFileSync(`${folder}/step${number}.sh`, blocks.join('\n'));
}
