// What ends a command that is a client of a server, with a stable code.

/** What ended or hindered a client, or a request. */
export class ClientEnded extends Error {
  override readonly name: string = 'ClientEnded';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** What to do about a token that the server does not take; `undefined` for any other reason. */
export function tokenAdvice(code: string): string | undefined {
  if (!code.startsWith('token_')) return undefined;
  return 'the server does not take this token, or wants one: give it --token, or its FANFARE_AUTH_SECRET to sign one';
}
