import { hash } from 'node:crypto';
import path from 'node:path';
import type { RunSettings } from '../../app/settings.ts';
import { FileJournal } from '../../photos/file-journal.ts';
import { type SortEntry, sortEntry } from '../../photos/sort/sort-journal.ts';
import { type TagEntry, tagEntry } from '../../photos/tag/tag-journal.ts';
import { WatchJournal, watchEntry } from '../../photos/watch/watch-journal.ts';

export const tagJournal = ({ dataDir, cluster }: RunSettings): FileJournal<TagEntry> =>
  new FileJournal(path.join(dataDir, cluster, 'tags'), tagEntry);

export const sortJournal = ({ dataDir, cluster }: RunSettings): FileJournal<SortEntry> =>
  new FileJournal(path.join(dataDir, cluster, 'sorted'), sortEntry);

/** What the watches of a folder have done. */
export const watchJournal = ({ dataDir, cluster }: RunSettings, root: string): WatchJournal =>
  new WatchJournal(new FileJournal(path.join(dataDir, cluster, 'watched'), watchEntry), hash('sha256', root));
