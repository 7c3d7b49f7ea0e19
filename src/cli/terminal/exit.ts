import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { harmless } from '../../core/text/harmless.ts';
import { painter } from './screen.ts';

/** The exit codes of all commands. */
export const exitCode = { done: 0, failed: 1, usage: 2, someErrors: 3, interrupted: 130 } as const;

/** The user interrupted the command. `advice` says how to continue. */
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

/** Writes an error to stderr, as {@link explain} puts it. */
export function printError(error: unknown): void {
  const text = explain(error, process.stderr);
  if (text !== '') process.stderr.write(`${text}\n`);
}

/**
 * `error: what failed`, then `hint: what to do`; '' for a closed pipe.
 * @param stream gets colours where it is a terminal that shows them.
 */
export function explain(error: unknown, stream: { isTTY?: boolean } = {}): string {
  if (isClosedPipe(error)) return '';
  const paint = painter(stream);
  const label = error instanceof InterruptedError ? '' : `${paint('red', 'error:')} `;
  const hint = error instanceof ImgclsError ? error.hint : 'Run the command again with --debug to see where.';
  const message = `${label}${harmlessLines(messageOf(error))}`;
  return hint === undefined
    ? message
    : `${message}\n${paint('dim', 'hint:')} ${harmlessLines(hint).replaceAll('\n', HINT_INDENT)}`;
}

const HINT_INDENT = `\n${' '.repeat('hint: '.length)}`;

/** Names from elsewhere in a message cannot steer the terminal; its own newlines stay. */
const harmlessLines = (text: string) => text.split('\n').map(harmless).join('\n');

/** The reader of our output, such as `head`, has ended. */
export const isClosedPipe = (error: unknown) => (error as NodeJS.ErrnoException | null)?.code === 'EPIPE';
