// What the server's parts need of a logger; pino fits it, and so does a test's array.

/** Structured logging: fields first, then a fixed message. Peers' text goes into fields, never into the message. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A logger that says nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
