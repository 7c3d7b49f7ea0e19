import type { StackEvent } from '../../core/aws-account/stacks.ts';
import { isInProgress } from '../../deploy/stack-state.ts';
import { notice } from '../terminal/notice.ts';
import type { StatusLine } from '../terminal/status-line.ts';
import { terminal } from '../terminal/terminal.ts';

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
  let line: StatusLine | undefined;
  const done = new Set<string>();
  const open = async () => {
    line = await terminal.openStatusLine(what);
    // Stopped before the line was opened.
    if (opening === undefined) line?.retire();
  };
  return {
    show({ resource, type, status, reason }) {
      opening ??= open();
      if (!isInProgress(status)) done.add(resource);
      const text = `${resource} (${type}) ${status}`;
      if (status.endsWith('_FAILED')) notice(reason === undefined ? text : `${text}: ${reason}`);
      else if (process.stderr.isTTY !== true && !isInProgress(status)) notice(text);
      line?.show(`${what}: ${done.size} resources done, ${text}`);
    },
    notice,
    stop() {
      opening = undefined;
      line?.retire();
      line = undefined;
    },
  };
}
