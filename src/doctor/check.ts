// Checks of `imgcls doctor` and their results.

import { ImgclsError, messageOf } from '../core/runtime/errors.ts';

/** `action_needed`: something is wrong. `unknown`: the check could not find out; it may be fine. */
export type Status = 'ok' | 'action_needed' | 'unknown';

export interface CheckResult {
  status: Status;
  message: string;
  /** What to do. */
  hint?: string;
}

export interface Check {
  name: string;
  /** A thrown error becomes a result that needs action. */
  run(): Promise<CheckResult>;
}

export type Finding = CheckResult & { check: string };

export const ok = (message: string): CheckResult => ({ status: 'ok', message });

export const actionNeeded = (message: string, hint: string): CheckResult => ({
  status: 'action_needed',
  message,
  hint,
});

export const unknown = (message: string): CheckResult => ({ status: 'unknown', message });

/** Runs checks one after the other and yields each result at once. */
export async function* runChecks(checks: readonly Check[], signal: AbortSignal): AsyncGenerator<Finding> {
  for (const { name, run } of checks) {
    signal.throwIfAborted();
    yield { check: name, ...(await resultOf(run)) };
  }
}

async function resultOf(run: Check['run']): Promise<CheckResult> {
  try {
    return await run();
  } catch (error) {
    return failed(error);
  }
}

/** The result for a check that threw. */
export function failed(error: unknown): CheckResult {
  const hint = error instanceof ImgclsError ? error.hint : undefined;
  return { status: 'action_needed', message: messageOf(error), ...(hint !== undefined && { hint }) };
}

const MARKS: Readonly<Record<Status, string>> = { ok: 'ok', action_needed: 'TO DO', unknown: '?' };

/** One line, and another one for the hint. Further lines of a message are indented. */
export function findingText({ check, status, message, hint }: Finding): string {
  const text = `${check.padEnd(16)}  ${message}${hint === undefined ? '' : `\n${hint}`}`;
  return `${MARKS[status].padEnd(5)}  ${text.replaceAll('\n', '\n       ')}`;
}
