import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../../../..');
const digest = (files: string[]) =>
  createHash('sha256')
    .update(Buffer.concat(files.map((file) => readFileSync(path.join(root, file)))))
    .digest('hex');

// Building it takes a compiler of 90 MB, which neither developers nor CI need for anything else.
it('codecs/jpeg-decoder.wasm is made of the sources as they are (tools/jpeg-decoder/README.md)', () => {
  const made = JSON.parse(readFileSync(path.join(root, 'codecs/jpeg-decoder.json'), 'utf8'));
  const folder = 'tools/jpeg-decoder';
  const sources = globSync(`${folder}/*.c`, { cwd: root }).toSorted();
  expect(digest([...sources, `${folder}/build.py`, `${folder}/requirements.txt`])).toBe(made.sourcesSha256);
  expect(digest(['codecs/jpeg-decoder.wasm'])).toBe(made.programSha256);
});
