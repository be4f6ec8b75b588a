// Mutants that no test can kill, each with its reason: what they change cannot be told from outside.

export interface Explained {
  readonly file: string;
  /** The mutated text, and what it becomes. */
  readonly was: string;
  readonly becomes: string;
  readonly why: string;
}

const of =
  (file: string) =>
  (was: string, becomes: string, why: string): Explained => ({ file: `client-sdk/${file}`, was, becomes, why });

const timers = of('timers.ts');
const connection = of('connection.ts');
const sse = of('sse.ts');
const channel = of('channel.ts');
const fallback = of('transports/fallback.ts');
const hub = of('shared/hub.ts');

export const EXPLAINED: readonly Explained[] = [
  timers('ms > 0', '(ms) >= (0)', '0 is no longer than 0 either way'),
  connection(
    'monitor?.connected(0);',
    '',
    'without a link nobody is asked and none is given up: only a timer is spared',
  ),
  connection('active?.probe()', 'active.probe()', 'the monitor watches nothing while there is no link'),
  sse(
    'given?.connection',
    'given.connection',
    'a message comes of a stream, for which there was an answer of discovery',
  ),
  channel('offset > (position as After)', '(offset) >= ((position as After))', 'it is the same offset either way'),
  channel(
    'begin > (position as string)',
    '(begin) >= ((position as string))',
    'that they are not the same has been asked before',
  ),
  hub('offset > state.offset', '(offset) >= (state.offset)', 'it is the same offset either way'),
  fallback("''", "'mutant'", 'nobody reads the reason for which a link is to be replaced'),
  sse('attempt?.abort()', 'attempt.abort()', 'what fails is the attempt that is on its way'),
];
