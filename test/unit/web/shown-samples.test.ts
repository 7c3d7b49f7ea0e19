import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SHOWN_SAMPLES } from '../../../src/web/page/upload/shown-samples.ts';

it('the start page shows samples that there are', () => {
  expect(readdirSync('samples')).toEqual(expect.arrayContaining([...SHOWN_SAMPLES]));
});
