import { readFileSync } from 'node:fs';
import path from 'node:path';
import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { type FindOptions, find } from '../../../src/cli/find/find.ts';
import { duplicatesText, photographsText } from '../../../src/cli/find/find-text.ts';
import { wantedLabels } from '../../../src/cli/find/wanted-labels.ts';
import { date } from '../../../src/cli/flags.ts';
import type { ClassLabel } from '../../../src/core/model/model.ts';
import { categoryOf } from '../../../src/model/categories.ts';
import type { FoundPhotograph } from '../../../src/photos/find/find-photographs.ts';

const JOB = '01M8BYSTWQCWXX53AA8SQKX0JB';
const found = (at: string, kind: FoundPhotograph['place']['kind'] = 'file'): FoundPhotograph => ({
  place: { kind, at },
  label: { wnid: 'n02123159', label: 'tiger cat' },
  score: Math.fround(0.38),
  best: { wnid: 'n02123159', label: 'tiger cat' },
  job: JOB,
  index: 0,
});
const screen = { columns: 60, hasColours: false };

describe('imgcls find', () => {
  it.each<[string[], Partial<FindOptions>, string]>([
    [[], {}, 'Nothing to find: name a word of a label.'],
    [['!?'], {}, 'Nothing to find: name a word of a label.'],
    [['cat'], { duplicates: true }, 'Cannot use --duplicates with words.'],
    [['cat'], { null: true, format: 'json' }, 'Cannot use --null with --format.'],
    [[], { null: true, duplicates: true }, 'Cannot use --null with --duplicates.'],
  ])('refuses %j with %j', async (words, flags, message) => {
    await expect(find(words, { minScore: 0, format: 'table', ...flags })).rejects.toMatchObject({
      kind: 'usage',
      message,
    });
  });

  it('shows paths in the working folder without it on a terminal, and whole to programs', () => {
    const photographs = [found(path.resolve('photos/a.jpg')), found('/elsewhere/b\u001b.jpg')];
    expect(photographsText(photographs, { format: 'table', screen })).toBe(
      [
        'photograph              label       score  labelled',
        'photos/a.jpg            tiger cat  38.0 %  2026-11-26',
        '/elsewhere/b\\u001b.jpg  tiger cat  38.0 %  2026-11-26\n',
      ].join('\n'),
    );
    const [, row] = photographsText(photographs, { format: 'table', screen: undefined }).split('\n');
    expect(row).toBe(`${path.resolve('photos/a.jpg')}\ttiger cat\t38.0 %\t2026-11-26`);
    expect(photographsText(photographs, { format: 'table', null: true, screen })).toBe(
      `${path.resolve('photos/a.jpg')}\0/elsewhere/b\u001b.jpg\0`,
    );
  });

  it('has an address of an object and the name of an upload in place of a path', () => {
    const dog = { ...found('/e.jpg'), label: { label: 'dog' } };
    const photographs = [found('/a.jpg'), found('s3://b/c.jpg', 'object'), found('/d.jpg', 'upload'), dog];
    const json = photographsText(photographs, { format: 'json', screen });
    const cat = { label: 'tiger cat', wnid: 'n02123159', score: 0.38, job: JOB, labelledAtMs: 1795697732503 };
    expect(JSON.parse(json)).toEqual([
      { path: '/a.jpg', ...cat },
      { address: 's3://b/c.jpg', ...cat },
      { name: '/d.jpg', ...cat },
      { path: '/e.jpg', category: 'dog', score: 0.38, job: JOB, labelledAtMs: 1795697732503 },
    ]);
    expect(photographsText([], { format: 'table', screen: undefined })).toBe('');
  });

  it('shows duplicates in groups', () => {
    const groups = [{ bytes: 2_000_000, paths: ['/a.jpg', '/b.jpg'] }];
    expect(duplicatesText(groups, { format: 'table', screen })).toBe('2 files of 2 MB\n  /a.jpg\n  /b.jpg\n');
    expect(duplicatesText(groups, { format: 'table', screen: undefined })).toBe(
      'group\tbytes\tpath\n1\t2000000\t/a.jpg\n1\t2000000\t/b.jpg\n',
    );
  });
});

describe('words', () => {
  const labels = JSON.parse(readFileSync('models/efficientnet-lite0/labels.json', 'utf8')) as ClassLabel[];
  const meant = (...words: string[]) => labels.filter(wantedLabels(words)).map(({ label }) => label);
  it('mean all labels of a category', () => {
    const dogs = labels.filter(
      ({ wnid, label }) => categoryOf(wnid) === 'dog' || label === 'African hunting dog',
    );
    expect(meant('dogs')).toEqual(dogs.map(({ label }) => label));
    expect(meant('dog')).toContain('pug');
    expect(meant('dog')).not.toContain('hotdog');
    expect(wantedLabels(['dog'])({ label: 'dog' })).toBe(true);
  });
  it('mean labels by the other names of their classes', () => {
    expect(meant('shark')).toEqual(['great white shark', 'tiger shark', 'hammerhead']);
    expect(meant('mobile', 'phone')).toEqual(['cellular telephone']);
    expect(meant('hot dog')).toEqual(['hotdog']);
  });
});

describe('a date', () => {
  it('is a day, which begins at midnight here, or a time', () => {
    expect(date('2026-11-30')).toBe(new Date(2026, 10, 30).getTime());
    expect(date('2026-11-30T12:00Z')).toBe(Date.UTC(2026, 10, 30, 12));
  });
  it.each(['', 'yesterday', '2026', '30.11.2026', '2026-13-01'])('is not %j', (text) => {
    expect(() => date(text)).toThrow(InvalidArgumentError);
  });
});
