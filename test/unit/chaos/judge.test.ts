// Each invariant by hand: a little history that keeps it, and one that breaks it and is convicted by that invariant.

import { describe, expect, it } from 'vitest';
import { judge } from '../../chaos/judge.js';
import { INVARIANTS, type Invariant } from '../../chaos/judge-finding.js';
import { formatRecovery, recoveryTable } from '../../chaos/recovery.js';
import { at, NOTHING_ASKED, SECOND, Tale } from './tale.js';

const tale = (...clients: readonly string[]) => new Tale().subscribe('ann', ...clients);

function broken(its: Tale): readonly string[] {
  return Object.keys(its.judged().totals).sort();
}

describe('a history that keeps every promise', () => {
  const good: Record<string, Tale> = {
    'plain delivery': tale().publish(1, 2, 3).told('ann', 1, 2, 3).log(100, 1, 2, 3),
    'nothing published': tale().log(100),
    'a trimmed gap': tale()
      .publish(1, 2, 3, 4, 5)
      .told('ann', 1, ['trimmed', at(1), at(3)], 4, 5)
      .log(2, 4, 5),
    'a trimmed gap before anything else': tale()
      .publish(1, 2, 3)
      .told('ann', ['trimmed', at(0), at(2)], 3)
      .log(1, 3),
    'a start after what was trimmed': tale().publish(1, 2, 3).told('ann', 3).log(1, 3),
    'an outcome that is not known, stored': tale().invoke('v1').told('ann', 1).log(100, 1),
    'an outcome that is not known, not stored': tale().invoke('v1').log(100),
    'a failed publish': tale().invoke('v1').fail('v1').log(100),
    'a queue': tale().invoke('v1', 'queue').ok('v1', undefined).told('ann', 1).log(100, 1),
    'a failover that lost what ann saw': tale()
      .publish(1, 2)
      .told('ann', 1, 2)
      .fault('tail')
      .publish(3)
      .told('ann', ['rewritten', at(2), at(1)], 3)
      .log(100, 1, 3),
    'a failover that lost what ann did not see': tale('bob')
      .publish(1, 2)
      .told('bob', 1, 2)
      .told('ann', 1)
      .fault('tail')
      .publish(3)
      .told('ann', 3)
      .told('bob', ['rewritten', at(2), at(1)], 3)
      .log(100, 1, 3),
    'a failover with newer messages below the lost one': tale()
      .publish(1, 5)
      .told('ann', 1, 5)
      .fault('tail')
      .publish(3, 4)
      .told('ann', ['rewritten', at(5), at(1)], 3, 4)
      .log(100, 1, 3, 4),
    'a repeat after rewritten history': tale()
      .publish(1, 2, 3)
      .told('ann', 1, 2, 3)
      .fault('tail')
      .publish(4)
      .told('ann', ['rewritten', at(3), at(0)], 1, 2, 4)
      .log(100, 1, 2, 4),
    'newer messages that were there before the lost one came': tale('bob')
      .publish(1)
      .told('ann', 1)
      .told('bob', 1)
      .invoke('v5')
      .fault('tail')
      .publish(3)
      .told('bob', 3)
      .told('ann', 5)
      .told('ann', ['rewritten', at(5), at(1)], 3)
      .log(100, 1, 3),
    FLUSHALL: tale()
      .publish(1, 2)
      .told('ann', 1, 2)
      .fault('all')
      .publish(8)
      .told('ann', ['lost', at(2), at(7)], 8)
      .log(100, 8),
    'FLUSHALL and nothing after it': tale().publish(1).told('ann', 1).fault('all').log(100),
    'a loss, stored again by a retry': tale()
      .publish(1)
      .invoke('w')
      .deliver('ann', at(1), 'v1')
      .deliver('ann', at(2), 'w')
      .fault('tail')
      .ok('w', at(4))
      .told('ann', ['rewritten', at(2), at(1)])
      .deliver('ann', at(4), 'w')
      .log(100, 1, [at(4), 'w']),
  };
  it.each(Object.keys(good))('is not convicted: %s', (name) => {
    const verdict = (good[name] as Tale).judged();
    expect(verdict.violations).toEqual([]);
    expect(verdict.totals).toEqual({});
    expect(verdict.valid).toEqual([]);
  });

  it('has its losses counted by fault', () => {
    const { counts } = tale().publish(1).fault('all').publish(9).told('ann', 9).log(100, 9).judged();
    expect(counts.lostAcknowledged).toEqual({ 1: 1 });
    expect(counts).toMatchObject({ acknowledged: 2, deliveries: 1, subscriptions: 1, storedAgain: 0 });
  });
});

describe('a broken promise', () => {
  const { order, oneValue, neighbours, gaps, silentLoss, duplicates, acknowledged, invented, complete, oneEntry } =
    INVARIANTS;
  const three = () => tale().publish(1, 2, 3);
  const bad: readonly (readonly [name: string, its: Tale, by: readonly Invariant[]])[] = [
    ['two are swapped', three().told('ann', 2, 1, 3).log(100, 1, 2, 3), [neighbours, order]],
    ['one comes again', three().told('ann', 1, 2, 1, 3).log(100, 1, 2, 3), [duplicates, order]],
    ['one is missing', three().told('ann', 1, 3).log(100, 1, 2, 3), [neighbours]],
    ['the first is missing', three().told('ann', 2, 3).log(100, 1, 2, 3), [neighbours]],
    ['the last is missing', three().told('ann', 1, 2).log(100, 1, 2, 3), [complete]],
    ['all are missing', three().log(100, 1, 2, 3), [complete]],
    [
      'one is missing after a gap',
      three()
        .told('ann', ['trimmed', at(0), at(1)], 3)
        .log(2, 2, 3),
      [neighbours],
    ],
    ['one is missing, trimmed since', three().told('ann', 1, 3).log(1, 3), [neighbours]],
    [
      'one is missing that a replica had',
      tale().publish(1, 2).after(9_000).fault('tail').publish(3).told('ann', 1, 3).log(100, 1, 2, 3),
      [neighbours],
    ],
    [
      'two values at one offset',
      three().told('ann', 1).deliver('ann', at(2), 'v3').log(100, 1, 2, 3),
      [complete, oneValue],
    ],
    ['two offsets of one value', tale().publish(1).ok('v1', at(2)).told('ann', 1).log(1, 1), [oneValue]],
    [
      'an invented message',
      three().told('ann', 1, 2, 3).deliver('ann', at(4), 'x').log(100, 1, 2, 3),
      [complete, invented],
    ],
    ['a message of another channel', tale().invoke('v1', 'fcall', 'else').told('ann', 1).log(100, 1), [invented]],
    ['a failed one comes', tale().invoke('v1').fail('v1').told('ann', 1).log(100, 1), [invented]],
    ['the log holds what nobody published', tale().told('ann', 1).log(100, 1), [invented]],
    ['told without having asked', three().told('ann', 1, 2, 3).told('eve', 1, 2, 3).log(100, 1, 2, 3), [invented]],
    [
      'a gap from elsewhere',
      three()
        .told('ann', 1, ['trimmed', at(0), at(2)], 3)
        .log(1, 3),
      [gaps],
    ],
    [
      'a gap over what is held',
      three()
        .told('ann', 1, ['trimmed', at(1), at(2)], 3)
        .log(2, 2, 3),
      [gaps],
    ],
    [
      'a gap over what was held then',
      tale()
        .publish(1, 2)
        .told('ann', 1, ['trimmed', at(1), at(2)])
        .publish(3, 4)
        .told('ann', 3, 4)
        .log(2, 3, 4),
      [gaps],
    ],
    [
      'lost, and no fault',
      three()
        .told('ann', 1, ['lost', at(1), at(2)], 3)
        .log(1, 3),
      [gaps],
    ],
    [
      'rewritten by a harmless fault',
      three()
        .fault('none')
        .told('ann', 1, ['rewritten', at(1), at(2)], 3)
        .log(1, 3),
      [gaps],
    ],
    [
      'a loss that is not told',
      tale().publish(1, 2).told('ann', 1, 2).fault('tail').publish(3).told('ann', 3).log(100, 1, 3),
      [silentLoss],
    ],
    [
      'a FLUSHALL that is not told',
      tale().publish(1, 2).told('ann', 1, 2).fault('all').publish(8).told('ann', 8).log(100, 8),
      [silentLoss],
    ],
    [
      'a FLUSHALL that is told too late',
      tale()
        .publish(1)
        .told('ann', 1)
        .fault('all')
        .publish(8, 9)
        .told('ann', 8, ['lost', at(8), at(8)], 9)
        .log(100, 8, 9),
      [gaps, silentLoss],
    ],
    [
      'a loss between two that are lost later',
      tale()
        .publish(1)
        .told('ann', 1)
        .fault('all')
        .publish(5)
        .told('ann', 5)
        .fault('all')
        .publish(9)
        .told('ann', ['lost', at(5), at(8)], 9)
        .log(100, 9),
      [silentLoss],
    ],
    [
      'a value twice in the log',
      tale()
        .publish(1)
        .told('ann', 1)
        .deliver('ann', at(2), 'v1')
        .log(100, 1, [at(2), 'v1']),
      [duplicates, oneEntry, oneValue],
    ],
    ['an acknowledged one is nowhere', tale().publish(1, 2).told('ann', 1).log(100, 1), [acknowledged]],
    [
      'acknowledged long before a failover and lost',
      tale().publish(1).after(6_000).fault('tail').log(100),
      [acknowledged, complete],
    ],
    [
      'acknowledged after the last damage and lost',
      tale().fault('all').publish(1, 2).told('ann', 1).log(100, 1),
      [acknowledged],
    ],
    [
      'a gap that takes back what was never lost, and sends it again',
      tale()
        .publish(1, 2, 3)
        .fault('tail')
        .told('ann', 1, 2, ['rewritten', at(2), at(1)], 2, 3)
        .log(100, 1, 2, 3),
      [gaps],
    ],
    [
      'one that a replica had is lost by a failover',
      tale().invoke('v1', 'http', 'news', 1).ok('v1', at(1)).fault('tail').log(100),
      [acknowledged, complete],
    ],
    ['a queued one is nowhere', tale().invoke('v1', 'queue').ok('v1', undefined).log(100), [acknowledged]],
  ];
  it.each(bad)('is convicted: %s', (_, its, by) => {
    expect(broken(its)).toEqual([...by].sort());
  });

  it('is shown with what the subscriber was told and the faults near it', () => {
    const { violations } = tale()
      .publish(1, 2)
      .told('ann', 1, 2)
      .fault('tail')
      .publish(3)
      .told('ann', 3)
      .log(100, 1, 3)
      .judged();
    expect(violations).toHaveLength(1);
    expect(violations[0]).toMatchObject({ client: 'ann', channel: 'news', invariant: silentLoss });
    expect(violations[0]?.stretch).toHaveLength(3);
    expect(violations[0]?.stretch[2]).toMatch(/^> .* v3$/);
    expect(violations[0]?.faults).toHaveLength(3);
  });
});

describe('a run', () => {
  it('is vacuous where too little happened', () => {
    const history = tale().publish(1).told('ann', 1).fault('none').builder.finish();
    const { valid } = judge(history, {
      ...NOTHING_ASKED,
      minAcknowledged: 2,
      minResumes: 1,
      requireFaults: ['none fault', 'FLUSHALL'],
      requireTransports: ['sse'],
    });
    expect(valid).toHaveLength(5);
    expect(valid.join('\n')).toMatch(/acknowledged: 1.*\n.*resumes.*\n.*FLUSHALL.*\n.*sse\n.*no final log/);
  });

  it('has the time to recovery of each kind of fault in a table', () => {
    const late = tale('bob').after(SECOND).invoke('v1').ok('v1', at(1)).told('bob', 1).fault('none').told('ann', 1);
    const rows = recoveryTable([late.fault('tail').log(100, 1).builder.finish()]);
    expect(rows).toMatchObject([
      { fault: 'none fault', times: 1, published: { affected: 1 }, queued: { affected: 0 } },
      { fault: 'tail fault', times: 1, published: { affected: 0, medianMs: undefined } },
    ]);
    expect(rows[0]?.published.medianMs).toBeGreaterThan(2 * SECOND - 100);
    expect(formatRecovery(rows)).toContain('| none fault | 1 | 2 | 1 | 2,00');
  });
});
