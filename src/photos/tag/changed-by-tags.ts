import type { FileJournal } from '../file-journal.ts';
import { type FileContent, sha256Of, whyNotLabelled } from '../labelled-files.ts';
import type { TagEntry } from './tag-journal.ts';

/** Photographs that tags of this job were written into: they are no longer what was labelled, and show the same. */
export class ChangedByTags {
  readonly #contents: ReadonlyMap<string, { labelled: string | undefined; now: string }>;

  private constructor(contents: ReadonlyMap<string, { labelled: string | undefined; now: string }>) {
    this.#contents = contents;
  }

  static async read(journal: FileJournal<TagEntry>, job: string): Promise<ChangedByTags> {
    const contents = new Map<string, { labelled: string | undefined; now: string }>();
    for (const { photo, file, before, after } of await journal.read(job))
      if (file === photo)
        contents.set(photo, {
          labelled: contents.get(photo)?.labelled ?? before?.sha256,
          now: after.sha256,
        });
    return new ChangedByTags(contents);
  }

  /** Why a photograph is neither what was labelled nor that with tags; undefined if it is. */
  async whyNotLabelled(photo: string, content: FileContent): Promise<string | undefined> {
    const why = await whyNotLabelled(photo, content);
    const own = this.#contents.get(photo);
    if (why === undefined || own === undefined || own.labelled !== content.sha256) return why;
    return (await sha256Of(photo).catch(() => undefined)) === own.now ? undefined : why;
  }
}
