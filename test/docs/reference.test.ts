import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { REFERENCE, referencePages } from '../../tools/docs/reference.ts';

it.each(Object.entries(await referencePages()))(
  'docs/reference/%s is what "npm run docs:reference" makes from the code',
  async (file, text) => {
    expect(await readFile(path.join(REFERENCE, file), 'utf8')).toBe(text);
  },
);
