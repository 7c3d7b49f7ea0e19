import type { Ora } from 'ora';
import type { StackEvent } from '../../core/aws-account/stacks.ts';
import { isInProgress } from '../../deploy/stack-state.ts';
import { notice } from '../terminal/notice.ts';
import { openSpinner } from '../terminal/spinner.ts';

export interface StackProgress {
  show(event: StackEvent): void;
  /** Writes a line that stays. */
  notice(text: string): void;
  stop(): void;
}

/**
 * Shows the events of a stack: one updating line on a terminal, elsewhere a line for each finished resource. Failures get
 * a line of their own.
 */
export function stackProgress(what: string): StackProgress {
  let opening: Promise<void> | undefined;
  let spinner: Ora | undefined;
  const done = new Set<string>();
  const print = (text: string) => {
    spinner?.clear();
    notice(text);
  };
  const open = async () => {
    spinner = await openSpinner(process.stderr, what);
    // Stopped before the spinner was loaded.
    if (opening === undefined) spinner?.stop();
  };
  return {
    show({ resource, type, status, reason }) {
      opening ??= open();
      if (!isInProgress(status)) done.add(resource);
      const text = `${resource} (${type}) ${status}`;
      if (status.endsWith('_FAILED')) print(reason === undefined ? text : `${text}: ${reason}`);
      else if (process.stderr.isTTY !== true && !isInProgress(status)) print(text);
      if (spinner !== undefined) spinner.text = `${what}: ${done.size} resources done, ${text}`;
    },
    notice: print,
    stop() {
      opening = undefined;
      spinner?.stop();
      spinner = undefined;
    },
  };
}
