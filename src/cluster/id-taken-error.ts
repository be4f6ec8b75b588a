// The error of a node that cannot begin because another one lives under its id.

export class IdTakenError extends Error {
  override readonly name = 'IdTakenError';
}
