import { ImgclsError, messageOf } from '../core/errors.ts';

/** What a command's end says to the shell. */
export const exitCode = { done: 0, failed: 1, usage: 2, someErrors: 3, interrupted: 130 } as const;

/** The user ended a wait. `advice` says how to come back to it. */
export class InterruptedError extends ImgclsError {
  constructor(advice: string) {
    super('permanent', 'Interrupted.', { hint: advice });
  }
}

export function exitCodeOf(error: unknown): number {
  if (isClosedPipe(error)) return exitCode.done;
  if (error instanceof InterruptedError) return exitCode.interrupted;
  const isUsage = error instanceof ImgclsError && (error.kind === 'usage' || error.kind === 'config');
  return isUsage ? exitCode.usage : exitCode.failed;
}

/** An error as its reader needs it: what, then what to do. */
export function explain(error: unknown): string {
  if (isClosedPipe(error)) return '';
  const hint = error instanceof ImgclsError ? error.hint : '--debug shows where.';
  return `imgcls: ${messageOf(error)}${hint === undefined ? '' : `\n  ${hint}`}`;
}

/** The reader of our output, `head` say, has seen enough. */
const isClosedPipe = (error: unknown) => (error as NodeJS.ErrnoException | null)?.code === 'EPIPE';
