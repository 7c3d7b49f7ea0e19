import type { ErrorCode } from '../model/outcome.ts';
import { ImgclsError, messageOf } from './errors.ts';

/**
 * - `machine`: every image of this machine meets it.
 * - `image`: this image met it; others may be classified here.
 */
export type MachineFaultScope = 'machine' | 'image';

/**
 * This machine has failed: it lacks memory, disk space or file descriptors, or a model does not load here. That says
 * nothing about an image, so it is never an outcome by itself.
 */
export class MachineFaultError extends ImgclsError {
  /** The error code of an image that no machine could classify. */
  readonly code: ErrorCode;
  readonly scope: MachineFaultScope;

  constructor(
    code: ErrorCode,
    message: string,
    { scope = 'machine', cause }: { scope?: MachineFaultScope; cause?: unknown } = {},
  ) {
    super('permanent', message, { cause });
    this.code = code;
    this.scope = scope;
  }
}

/** System errors that are true of the machine, whatever it works on. */
const SHORTAGES: Readonly<Record<string, string>> = {
  ENOSPC: 'disk is full',
  EDQUOT: 'disk quota is used up',
  ENOMEM: 'memory is used up',
  EMFILE: 'worker has too many open files',
  ENFILE: 'system has too many open files',
};

/** The error as a machine fault, if it is one or was caused by a shortage of this machine. */
export function asMachineFault(error: unknown): MachineFaultError | undefined {
  if (error instanceof MachineFaultError) return error;
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const shortage = SHORTAGES[String((cause as { code?: unknown }).code)];
    if (shortage !== undefined)
      return new MachineFaultError('worker_crash', `This machine's ${shortage}: ${messageOf(error)}`, {
        cause: error,
      });
  }
  return undefined;
}
