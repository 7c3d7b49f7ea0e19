/**
 * Who can act on an error.
 * - `usage`: the caller's words are off.
 * - `config`: a setting is wrong or missing.
 * - `poison`: a message has the wrong shape; trying again cannot help.
 * - `transient`: the world is in trouble; trying again may help.
 * - `permanent`: trying again cannot help until a person changes something.
 */
export type ErrorKind = 'usage' | 'config' | 'poison' | 'transient' | 'permanent';

/** An error with a message for the person who reads it. `hint` says what to do; `cause` keeps the origin. */
export class ImgclsError extends Error {
  readonly kind: ErrorKind;
  readonly hint: string | undefined;

  constructor(kind: ErrorKind, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = new.target.name;
    this.kind = kind;
    this.hint = options.hint;
  }
}

/** The object is not in the store. */
export class ObjectMissingError extends ImgclsError {
  constructor(bucket: string, key: string, cause?: unknown) {
    super('permanent', `No object ${key} in bucket ${bucket}.`, { cause });
  }
}

/** There is no job of this id in the cluster. */
export class JobMissingError extends ImgclsError {
  constructor(id: string, cluster: string, cause?: unknown) {
    super('usage', `There is no job ${id} in cluster ${cluster}.`, {
      hint: '"imgcls jobs" lists them; a job id is the 26 letters and digits that "imgcls upload" prints.',
      cause,
    });
  }
}

/** A conditional read or write found another version than the one it asked for. */
export class PreconditionFailedError extends ImgclsError {
  constructor(bucket: string, key: string, cause?: unknown) {
    super('permanent', `Object ${key} in bucket ${bucket} is not the version that was asked for.`, { cause });
  }
}

/** The bytes are not those that the store's own checksum is of: damaged on the way here, or stored so. */
export class DamagedError extends ImgclsError {
  constructor(message: string, cause?: unknown) {
    super('transient', message, { cause });
  }
}

/** The queue does not exist (any more). */
export class QueueMissingError extends ImgclsError {
  constructor(queue: string, cause?: unknown) {
    super('permanent', `There is no queue ${queue}.`, { cause });
  }
}

/** The text is not a message of ours: it can never be handled. */
export class PoisonError extends ImgclsError {
  constructor(message: string, cause?: unknown) {
    super('poison', message, { cause });
  }
}

/** The message was written by a newer imgcls: a newer reader can handle it. */
export class NewerVersionError extends ImgclsError {
  constructor(found: number, known: number) {
    super('permanent', `This was written in format ${found}; this imgcls knows up to format ${known}.`, {
      hint: 'Update imgcls.',
    });
  }
}

/** True where trying again may help. */
export function isTransient(error: unknown): boolean {
  return error instanceof ImgclsError && error.kind === 'transient';
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
};

/** Why a path cannot be read, without the path, which the reader has before them anyway. */
export function readFault(error: unknown): string {
  const { code } = error as { code?: string };
  return READ_FAULTS[code ?? ''] ?? code ?? messageOf(error);
}

/** What went wrong and what to do, in one text. */
export const messageAndHint = ({ message, hint }: ImgclsError): string =>
  hint === undefined ? message : `${message} ${hint}`;
