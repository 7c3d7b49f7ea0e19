import type { IndexingOptions } from '../../photos/find/index-ledger.ts';
import { warn } from '../terminal/notice.ts';
import type { StatusLine } from '../terminal/status-line.ts';
import { terminal } from '../terminal/terminal.ts';

/** Fewer images are indexed before a person would read the line. */
const SHOWN_FROM = 5_000;

/** Shows how many images were added to the index, and which jobs cannot be searched. */
export function openIndexing(signal: AbortSignal): { options: IndexingOptions; end(): Promise<void> } {
  let line: Promise<StatusLine | undefined> | undefined;
  const show = async (text: string) => {
    line ??= terminal.openStatusLine(text);
    (await line)?.show(text);
  };
  return {
    options: {
      signal,
      onProgress(images) {
        if (images >= SHOWN_FROM) void show(`Indexing new results: ${images} images`);
      },
      onUnreadable: (job, { message }) => warn(`Job ${job} is not searched. ${message}`),
    },
    async end() {
      (await line)?.retire();
    },
  };
}
