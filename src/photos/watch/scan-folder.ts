import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { ReadTools } from '../../upload/retry-shortage.ts';
import { accepts, excludes } from '../../upload/select.ts';
import { walkFolder } from '../../upload/walk-folder.ts';
import type { FoundFile } from './settled-files.ts';

export interface ScanOptions extends ReadTools {
  include: readonly string[];
  exclude: readonly string[];
  /** Folders whose files are not taken: those that photographs are sorted into. */
  leaveOut: readonly string[];
  /** Called for each folder and link that cannot be read. */
  onUnreadable(path: string, why: string): void;
}

/** The images in a folder that can be seen now, with their absolute paths. An empty file is not yet one. */
export async function* scanFolder(root: string, options: ScanOptions): AsyncGenerator<FoundFile> {
  const { include, exclude, leaveOut, onUnreadable } = options;
  const walk = {
    ...options,
    shownAs: '',
    accept: accepts(include, exclude),
    isExcluded: excludes(exclude),
    depth: Number.POSITIVE_INFINITY,
    onSkip: () => {},
  };
  for await (const input of walkFolder(root, walk)) {
    if (leaveOut.some((folder) => input.source.startsWith(folder + path.sep))) continue;
    if (input.kind === 'unreadable') onUnreadable(input.source, input.error.message);
    if (input.kind !== 'file') continue;
    const found = await stat(input.path, { bigint: true }).catch(() => undefined);
    if (found === undefined || found.size === 0n) continue;
    yield { path: input.source, signature: `${found.size}-${found.mtimeNs}` };
  }
}
