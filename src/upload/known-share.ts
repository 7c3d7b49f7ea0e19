/** How many of the files of a job are known already (see `KnownImages`), before it is submitted. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { ClassifiedBy, KnownImages } from '../core/cloud/ports.ts';
import type { FilePath } from './inputs.ts';

/** At least so many files of a larger job are read, and less than twice as many: photographs of 5 MB take a second or two. */
const SAMPLED_FILES = 64;

/** Files spread evenly over all that were added. Of less than 128 files all. */
export class FileSample {
  #paths: FilePath[] = [];
  #every = 1;
  #added = 0;

  add(path: FilePath): void {
    if (this.#added++ % this.#every !== 0) return;
    this.#paths.push(path);
    if (this.#paths.length < 2 * SAMPLED_FILES) return;
    this.#paths = this.#paths.filter((_, at) => at % 2 === 0);
    this.#every *= 2;
  }

  /** The number of all added files that are known, as far as the sample tells. A file that cannot be read is not known. */
  async countKnown(known: KnownImages, by: ClassifiedBy): Promise<number> {
    const digests: string[] = [];
    for (const path of this.#paths) digests.push(...(await digestOfFile(path)));
    const places = await known.find(digests, by);
    const found = places.filter((place) => place !== undefined).length;
    return found === 0 ? 0 : Math.floor((this.#added * found) / this.#paths.length);
  }
}

/** Empty if the file cannot be read. */
async function digestOfFile(path: FilePath): Promise<string[]> {
  const sha = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) sha.update(chunk);
    return [sha.digest('hex')];
  } catch {
    return [];
  }
}
