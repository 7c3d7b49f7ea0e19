import type { Ora } from 'ora';
import type { StackEvent } from '../../core/aws-account/stacks.ts';
import { isUnderWay } from '../../deploy/stack-state.ts';
import { notice } from '../terminal/notice.ts';
import { openSpinner } from '../terminal/spinner.ts';

export interface StackProgress {
  show(event: StackEvent): void;
  /** A line that stays, past the one that is kept up to date. */
  notice(text: string): void;
  stop(): void;
}

/**
 * On a terminal a line that is kept up to date from the first event on, elsewhere a line for each resource that is done.
 * Failures stay to be read.
 */
export function stackProgress(what: string): StackProgress {
  let opening: Promise<void> | undefined;
  let spinner: Ora | undefined;
  const done = new Set<string>();
  const say = (text: string) => {
    spinner?.clear();
    notice(text);
  };
  const open = async () => {
    spinner = await openSpinner(process.stderr, what);
    // It was stopped before it was there.
    if (opening === undefined) spinner?.stop();
  };
  return {
    show({ resource, type, status, reason }) {
      opening ??= open();
      if (!isUnderWay(status)) done.add(resource);
      const words = `${resource} (${type}) ${status}`;
      if (status.endsWith('_FAILED')) say(reason === undefined ? words : `${words}: ${reason}`);
      else if (process.stderr.isTTY !== true && !isUnderWay(status)) say(words);
      if (spinner !== undefined) spinner.text = `${what}: ${done.size} resources done, ${words}`;
    },
    notice: say,
    stop() {
      opening = undefined;
      spinner?.stop();
      spinner = undefined;
    },
  };
}
