/** A check of what imgcls stands on, and what comes of it. */
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';

/** `do`: somebody has to do something. `unknown`: it could not be found out, and may be well. */
export type Status = 'ok' | 'do' | 'unknown';

export interface CheckResult {
  status: Status;
  message: string;
  /** What to do. */
  hint?: string;
}

export interface Check {
  name: string;
  /** What it throws has to be dealt with. */
  run(): Promise<CheckResult>;
}

export type Finding = CheckResult & { check: string };

export const ok = (message: string): CheckResult => ({ status: 'ok', message });

export const wrong = (message: string, hint: string): CheckResult => ({ status: 'do', message, hint });

export const unknown = (message: string): CheckResult => ({ status: 'unknown', message });

/** One after the other, each answered as soon as it is known. */
export async function* runChecks(checks: readonly Check[], signal: AbortSignal): AsyncGenerator<Finding> {
  for (const { name, run } of checks) {
    signal.throwIfAborted();
    yield { check: name, ...(await verdictOf(run)) };
  }
}

async function verdictOf(run: Check['run']): Promise<CheckResult> {
  try {
    return await run();
  } catch (error) {
    return failed(error);
  }
}

/** An error as something to be done. */
export function failed(error: unknown): CheckResult {
  const hint = error instanceof ImgclsError ? error.hint : undefined;
  return { status: 'do', message: messageOf(error), ...(hint !== undefined && { hint }) };
}

const MARKS: Readonly<Record<Status, string>> = { ok: 'ok', do: 'TO DO', unknown: '?' };

/** A line, and one more for what to do; what has more lines is indented below its first. */
export function findingText({ check, status, message, hint }: Finding): string {
  const text = `${check.padEnd(16)}  ${message}${hint === undefined ? '' : `\n${hint}`}`;
  return `${MARKS[status].padEnd(5)}  ${text.replaceAll('\n', '\n       ')}`;
}
