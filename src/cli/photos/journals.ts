import path from 'node:path';
import type { RunSettings } from '../../app/settings.ts';
import { FileJournal } from '../../photos/file-journal.ts';
import { type SortEntry, sortEntry } from '../../photos/sort/sort-journal.ts';
import { type TagEntry, tagEntry } from '../../photos/tag/tag-journal.ts';

export const tagJournal = ({ dataDir, cluster }: RunSettings): FileJournal<TagEntry> =>
  new FileJournal(path.join(dataDir, cluster, 'tags'), tagEntry);

export const sortJournal = ({ dataDir, cluster }: RunSettings): FileJournal<SortEntry> =>
  new FileJournal(path.join(dataDir, cluster, 'sorted'), sortEntry);
