import { describe, expect, it } from 'vitest';
import type { ManifestEntry } from '../../../src/core/job/job.ts';
import type { Input } from '../../../src/upload/inputs.ts';
import { notIn } from '../../../src/upload/resume.ts';

const input = (name: string): Input => ({
  kind: 'file',
  name,
  source: `photos/${name}`,
  path: `photos/${name}`,
});
const entry = (name: string, index: number): ManifestEntry => ({
  index,
  name,
  source: `photos/${name}`,
  bytes: 1,
  bucket: 'input',
  key: 'images/aa/aa',
});

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/** Names of the inputs that a resumed upload still has to announce. */
async function missing(manifest: readonly string[], inputs: readonly string[]): Promise<string[]> {
  const left = await Array.fromAsync(notIn(each(manifest.map(entry)), each(inputs.map(input))));
  return left.map(({ name }) => name);
}

describe('an upload that is resumed', () => {
  it.each([
    ['nothing when everything was announced', ['a', 'b'], ['a', 'b'], []],
    ['everything when nothing was', [], ['a', 'b'], ['a', 'b']],
    ['the rest of an unchanged folder', ['a', 'b'], ['a', 'b', 'c', 'd'], ['c', 'd']],
    ['a file that was put before those announced', ['b', 'c'], ['a', 'b', 'c', 'd'], ['a', 'd']],
    ['no file that is gone', ['a', 'b', 'c'], ['a', 'c', 'd'], ['d']],
    ['a file that is named twice as often as it is missing', ['a', 'a', 'b'], ['a', 'a', 'b', 'a'], ['a']],
    ['nothing twice when the folder is read in another order', ['c', 'a', 'b'], ['a', 'b', 'c', 'd'], ['d']],
  ])('announces %s', async (_, manifest, inputs, expected) => {
    expect(await missing(manifest, inputs)).toEqual(expected);
  });

  it('takes a file under a different name as another image', async () => {
    const renamed = { ...input('a'), name: 'folder/a' };
    const left = await Array.fromAsync(notIn(each([entry('a', 0)]), each([input('a'), renamed])));
    expect(left).toEqual([renamed]);
  });

  it('recognises a name that was shortened for the manifest', async () => {
    const long = input('x'.repeat(3000));
    const shortened = { ...entry('x', 0), name: `…${'x'.repeat(1021)}`, source: long.source };
    expect(await Array.fromAsync(notIn(each([shortened]), each([long])))).toEqual([]);
  });
});
