/**
 * What an error calls for.
 * - `usage`: the command or call is wrong.
 * - `config`: a setting is wrong or missing.
 * - `poison`: a message has the wrong format. A retry cannot fix it.
 * - `transient`: a retry may fix it: throttling, a lost connection, a busy service.
 * - `permanent`: a retry cannot fix it until a person changes something.
 */
export type ErrorKind = 'usage' | 'config' | 'poison' | 'transient' | 'permanent';

/**
 * An error with a message for its reader. `hint` says what to do. `cause` keeps the original error.
 *
 * @example
 * ```ts
 * import { createClient, type ErrorKind, ImgclsError } from 'imgcls';
 *
 * const CALLS_FOR: Record<ErrorKind, string> = {
 *   usage: 'another call',
 *   config: 'another setting',
 *   transient: 'a retry',
 *   permanent: 'a person',
 *   poison: 'a newer imgcls',
 * };
 * await using client = await createClient();
 * try {
 *   await client.job('01M8NWJ6P2V1ZB3M7SPBZ2T8QF');
 * } catch (error) {
 *   if (!(error instanceof ImgclsError)) throw error;
 *   console.log(`${error.message} It needs ${CALLS_FOR[error.kind]}.`, error.hint ?? '');
 * }
 * ```
 */
export class ImgclsError extends Error {
  /** What the error calls for. */
  readonly kind: ErrorKind;
  /** What to do, for a person. */
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

/** The cluster has no job of this id. */
export class JobMissingError extends ImgclsError {
  constructor(id: string, cluster: string, cause?: unknown) {
    super('usage', `No job ${id} in cluster ${cluster}.`, {
      hint: 'Run "imgcls jobs" to list the jobs. A job id has 26 letters and digits; its first ones will do.',
      cause,
    });
  }
}

/** A conditional read or write found a different version. */
export class PreconditionFailedError extends ImgclsError {
  constructor(bucket: string, key: string, cause?: unknown) {
    super('permanent', `Object ${key} in bucket ${bucket} has changed.`, { cause });
  }
}

/** The bytes do not match the store's checksum: they were damaged in transit or in the store. */
export class DamagedError extends ImgclsError {
  constructor(message: string, cause?: unknown) {
    super('transient', message, { cause });
  }
}

/** The store has the object, but not all of its bytes. Only storing it again helps. */
export class ObjectDamagedError extends ImgclsError {
  constructor(bucket: string, key: string, damage: string) {
    super('permanent', `Object ${key} in bucket ${bucket} is damaged: ${damage}.`, {
      hint: 'Store it again: an image with another upload. "imgcls doctor" lists damaged objects.',
    });
  }
}

/** The object is not what imgcls writes under its key: another program wrote or changed it. */
export class InvalidObjectError extends ImgclsError {
  constructor(bucket: string, key: string, why: string, cause?: unknown) {
    super('permanent', `Object ${key} in bucket ${bucket} is not valid: ${why}`, {
      hint: '"imgcls doctor" lists such objects and says what to do.',
      cause,
    });
  }
}

/** A disk or its quota is full. A person has to free space. */
export class DiskFullError extends ImgclsError {
  constructor(message: string, cause: unknown) {
    super('permanent', message, { hint: 'Free some space. Stored data is intact.', cause });
  }
}

export const MISSING_QUEUE_HINT =
  '"imgcls deploy" creates the queues of a cluster on AWS. Check the settings cluster and AWS_REGION. For other servers see "Other endpoints" in docs/aws.md.';

/** The queue does not exist, or no longer. */
export class QueueMissingError extends ImgclsError {
  constructor(queue: string, cause?: unknown) {
    super('permanent', `Queue ${queue} does not exist.`, { hint: MISSING_QUEUE_HINT, cause });
  }
}

/** The text is not a valid message. No retry can process it. */
export class PoisonError extends ImgclsError {
  constructor(message: string, cause?: unknown) {
    super('poison', message, { cause });
  }
}

/** A newer imgcls wrote the message, and a newer one can read it. */
export class NewerVersionError extends ImgclsError {
  constructor(what: string, { found, known }: { found: number; known: number }) {
    super('permanent', `The ${what} has format ${found}; this imgcls reads formats up to ${known}.`, {
      hint: 'Update imgcls.',
    });
  }
}

/** Whether an object exists and cannot be read. Retries do not help, and no other object is concerned. */
export const isUnreadable = (error: unknown): error is ImgclsError =>
  error instanceof InvalidObjectError ||
  error instanceof ObjectDamagedError ||
  error instanceof NewerVersionError;

/** The model is neither on this machine nor in the cluster, so no machine can load it. */
export class ModelMissingError extends ImgclsError {
  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super('permanent', message, options);
  }
}

/** Whether a retry may succeed. */
export function isTransient(error: unknown): boolean {
  return error instanceof ImgclsError && error.kind === 'transient';
}

/** The message of a thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a folder',
  ENAMETOOLONG: 'the name is too long',
  EIO: 'input/output error of the disk',
  ELOOP: 'too many symbolic links',
};

/** Why a path cannot be read. The caller's message names the path. */
export function readFault(error: unknown): string {
  const { code } = error as { code?: string };
  return READ_FAULTS[code ?? ''] ?? code ?? messageOf(error);
}

/** Message and hint in one text. */
export const messageAndHint = ({ message, hint }: ImgclsError): string =>
  hint === undefined ? message : `${message} ${hint}`;
