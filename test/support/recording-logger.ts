// A logger that keeps what it is told.

import type { Logger } from '../../src/lib/logger.js';

type Level = keyof Logger;

export class RecordingLogger implements Logger {
  readonly lines: { readonly level: Level; readonly fields: object; readonly message: string }[] = [];

  debug(fields: object, message: string): void {
    this.lines.push({ level: 'debug', fields, message });
  }
  info(fields: object, message: string): void {
    this.lines.push({ level: 'info', fields, message });
  }
  warn(fields: object, message: string): void {
    this.lines.push({ level: 'warn', fields, message });
  }
  error(fields: object, message: string): void {
    this.lines.push({ level: 'error', fields, message });
  }

  texts(level: Level): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message);
  }
}
