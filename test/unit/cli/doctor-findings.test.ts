// What `fanfare doctor` makes of a fault that may follow from another.

import { expect, it } from 'vitest';
import { Findings } from '../../../src/cli/doctor/finding.js';

const NONE = new Set<string>();
const LEFT = { what: 'the list of nodes', why: 'discovery answers 503' };

function withSymptom(): Findings {
  const found = new Findings();
  found.symptom('discovery', 'nodes_unlisted', 'no list', 'its log', LEFT);
  return found;
}

it('finds a symptom where nothing else is found', () => {
  const found = withSymptom();
  found.judgeSymptoms(NONE);
  expect([found.all, found.notAsked]).toEqual([[expect.objectContaining({ code: 'nodes_unlisted' })], []]);
});

it('says of a symptom beside its cause only that this was not asked', () => {
  const found = withSymptom();
  found.error('redis', 'redis_unreachable', 'away', 'start it');
  found.judgeSymptoms(NONE);
  expect([found.all, found.notAsked]).toEqual([[expect.objectContaining({ code: 'redis_unreachable' })], [LEFT]]);
});

it('finds a symptom beside what is ignored, which ends nothing well', () => {
  const found = withSymptom();
  found.warning('redis', 'redis_no_persistence', 'no file', 'appendonly yes');
  found.judgeSymptoms(new Set(['redis_no_persistence']));
  expect(found.all.map(({ code }) => code)).toEqual(['redis_no_persistence', 'nodes_unlisted']);
  expect(found.notAsked).toEqual([]);
});
