import { describe, expect, it } from 'vitest';
import { IndexRanges } from '../../../src/core/job/index-ranges.ts';
import { wholePercent } from '../../../src/core/text/percent.ts';
import type { OutcomeView } from '../../../src/web/outcome-views.ts';
import { arrange } from '../../../src/web/page/job/filter/arrange.ts';
import { DEFAULT_VIEW, type ViewOptions } from '../../../src/web/page/job/filter/view-options.ts';
import { Outcomes } from '../../../src/web/page/job/follow/outcomes.ts';
import { imageText } from '../../../src/web/page/job/job-text.ts';

function labelled(index: number, label: string, category: string | undefined, score = 0.9): OutcomeView {
  return {
    index,
    name: `${index}.jpg`,
    label,
    wnid: 'n1',
    score,
    labels: [{ wnid: 'n1', label, score }],
    ...(category !== undefined && { category: { name: category, score } }),
    model: 'm/int8',
    ms: 1,
  };
}

const images = [
  labelled(0, 'tabby', 'cat'),
  labelled(1, 'pug', 'dog'),
  labelled(2, 'Chihuahua', 'dog', 0.1),
  labelled(3, 'my own class', undefined),
  { index: 4, name: '4.jpg', error: { code: 'not_an_image', message: '' } } satisfies OutcomeView,
];
const outcomes = new Outcomes();
outcomes.add(images, new IndexRanges());
const arranged = (options: Partial<ViewOptions>) =>
  arrange(
    { outcomes, total: images.length, isSparse: false, nameOf: (index) => `${index}.jpg` },
    { ...DEFAULT_VIEW, ...options },
  );

describe('the images of a job', () => {
  it('are found by their category', () => {
    expect(arranged({ text: 'DOG' }).tiles).toEqual([1, 2]);
  });

  it('are grouped by category, those without one among themselves; one alone is no stack', () => {
    const { tiles, images, stacks } = arranged({ grouping: 'category' });
    expect(tiles).toEqual([{ title: 'dog', images: [1, 2] }, 0, 3, 4]);
    expect(images).toEqual([1, 2, 0, 3, 4]);
    expect(stacks.map(({ title }) => title)).toEqual(['dog', 'cat', 'No category', 'Errors']);
  });

  it('are those of the open stack, beside the others', () => {
    const { tiles, images, stacks } = arranged({ grouping: 'category', stack: 'dog' });
    expect([tiles, images, stacks.length]).toEqual([[1, 2], [1, 2], 4]);
    expect(arranged({ grouping: 'category', stack: 'horse' }).images).toEqual([]);
  });

  it('are sure or to check, by their scores and warnings', () => {
    expect(arranged({ state: 'sure' }).images).toEqual([0, 1, 3]);
    expect(arranged({ state: 'check' }).images).toEqual([2]);
    expect(arranged({ state: 'check', minScore: 0.95 }).images).toEqual([0, 1, 2, 3]);
    expect(arranged({ state: 'errors' }).images).toEqual([4]);
    expect([outcomes.doubtful(0.2), outcomes.doubtful(0.95)]).toEqual([1, 4]);
  });

  it('are called unsure below the score, each and together', () => {
    const texts = images.map((image) =>
      imageText(image.name, { outcome: image, state: outcomes.stateOf(image.index), minScore: 0.2 }),
    );
    expect(texts).toEqual([
      'tabby 90 %, cat, 0.jpg',
      'pug 90 %, dog, 1.jpg',
      'Unsure, Chihuahua 10 %, dog, 2.jpg',
      'my own class 90 %, 3.jpg',
      'Not an image, 4.jpg',
    ]);
    expect(outcomes.warnings(0.2)).toEqual(['1 label with a score below 20 %: it is a guess.']);
  });
});

describe('a score in whole percents', () => {
  it('says 100 % and 0 % only of what is certain', () => {
    expect([1, 0.998, 0.5, 0.004, 0].map(wholePercent)).toEqual(['100 %', '99 %', '50 %', '< 1 %', '0 %']);
  });
});
