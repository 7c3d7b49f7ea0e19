import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { harmless } from '../../results/export.ts';

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
  const advice = hint === undefined ? '' : `\n${lines(hint)}`.replaceAll('\n', '\n  ');
  return `imgcls: ${lines(messageOf(error))}${advice}`;
}

/** Names from elsewhere in a message cannot steer the terminal; its own lines stay lines. */
const lines = (text: string) => text.split('\n').map(harmless).join('\n');

/** The reader of our output, `head` say, has seen enough. */
export const isClosedPipe = (error: unknown) => (error as NodeJS.ErrnoException | null)?.code === 'EPIPE';
