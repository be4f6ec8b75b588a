// Programs that end with the process which started them, however that ends.

/**
 * What `sh` is called with so that it runs `command` with `args` until that ends by itself, or standard input ends: so also when whoever holds
 * its other end is killed. Its output ends with the program.
 */
export function watched(command: string, args: readonly string[]): readonly string[] {
  return ['-c', WATCHED, 'sh', command, ...args];
}

// What runs in the background has no standard input of its own. Where the program has ended by itself, whoever would end it is ended at once: another process may get its number.
const WATCHED = [
  'exec 3<&0',
  '"$@" & program=$!',
  '{ cat <&3 >/dev/null; kill -9 $program 2>/dev/null; } & watcher=$!',
  // A shell says on standard error what a signal has ended.
  '{ wait $program; } 2>/dev/null; code=$?',
  'kill $watcher 2>/dev/null; exit $code',
].join('\n');
