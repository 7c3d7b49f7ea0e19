import { STATUS_CODES } from 'node:http';
import type { ErrorCode, ImageError } from '../../core/model/outcome.ts';
import { isTemporary } from '../../core/network/answers.ts';

/** Why an address gives no image: the error of its outcome. */
export class FetchError extends Error {
  readonly code: ErrorCode;
  /** Whether the server may answer otherwise in a moment. */
  readonly mayRetry: boolean;

  constructor(
    { code, message }: ImageError,
    { mayRetry = false, cause }: { mayRetry?: boolean; cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
    this.mayRetry = mayRetry;
  }
}

/** @param why in words behind `Cannot fetch the image: ` */
export const cannotFetch = (why: string, options: { mayRetry?: boolean; cause?: unknown } = {}): FetchError =>
  new FetchError({ code: 'unreadable', message: `Cannot fetch the image: ${why}.` }, options);

const GONE: readonly number[] = [404, 410];

export function refusedBy(host: string, status: number): FetchError {
  const answer = [status, STATUS_CODES[status]].filter((part) => part !== undefined).join(' ');
  const code = GONE.includes(status) ? 'missing' : 'unreadable';
  const message = `Cannot fetch the image: ${host} answered ${answer}.`;
  return new FetchError({ code, message }, { mayRetry: isTemporary(status) });
}

/** Reasons by the code of Node's errors. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name of the host could not be looked up',
  ECONNREFUSED: 'the server refused the connection',
  ECONNRESET: 'the server closed the connection',
  EPIPE: 'the server closed the connection',
  ETIMEDOUT: 'the server did not answer',
  ENETUNREACH: 'the network of the server cannot be reached',
  EHOSTUNREACH: 'the server cannot be reached',
  Z_DATA_ERROR: 'its compressed data are damaged',
  Z_BUF_ERROR: 'its compressed data are cut off',
};
const PASSING: readonly string[] = [
  'EAI_AGAIN',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENETUNREACH',
  'EHOSTUNREACH',
];

/** The error of a request or of its body. @throws what is no error of these. */
export function failureOf(error: unknown): FetchError {
  if (error instanceof FetchError) return error;
  // A host with several addresses has an error for each.
  const one = error instanceof AggregateError ? error.errors[0] : error;
  const { code, message } = one as NodeJS.ErrnoException;
  if (!(one instanceof Error) || code === undefined) throw error;
  return cannotFetch(REASONS[code] ?? `${message} (${code})`, {
    mayRetry: PASSING.includes(code),
    cause: error,
  });
}
