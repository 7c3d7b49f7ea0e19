import type { StackEvent } from '../core/stacks.ts';
import { isUnderWay } from '../deploy/stack-state.ts';
import { notice } from './run.ts';
import { openSpinner } from './spinner.ts';

/** On a terminal a line that is kept up to date, elsewhere a line for each resource that is done. Failures stay to be read. */
export async function startStackProgress(what: string): Promise<{
  show(event: StackEvent): void;
  stop(): void;
}> {
  const spinner = await openSpinner(process.stderr, what);
  const done = new Set<string>();
  return {
    show({ resource, type, status, reason }) {
      const words = `${resource} (${type}) ${status}`;
      if (status.endsWith('_FAILED')) {
        spinner?.clear();
        notice(reason === undefined ? words : `${words}: ${reason}`);
      }
      if (!isUnderWay(status)) done.add(resource);
      if (spinner !== undefined) spinner.text = `${what}: ${done.size} resources done, ${words}`;
      else if (!isUnderWay(status) && !status.endsWith('_FAILED')) notice(words);
    },
    stop: () => void spinner?.stop(),
  };
}
