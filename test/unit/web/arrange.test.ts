import { describe, expect, it } from 'vitest';
import { IndexRanges } from '../../../src/core/job/index-ranges.ts';
import type { OutcomeView } from '../../../src/web/outcome-views.ts';
import { arrange, DEFAULT_VIEW, type ViewOptions } from '../../../src/web/page/job/arrange.ts';
import { imageText } from '../../../src/web/page/job/job-text.ts';
import { Outcomes } from '../../../src/web/page/job/outcomes.ts';

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
  ).groups;

describe('the images of a job', () => {
  it('are found by their category', () => {
    expect(arranged({ text: 'DOG' })).toEqual([{ images: [1, 2] }]);
  });

  it('are grouped by category, those without one among themselves', () => {
    expect(arranged({ grouping: 'category' })).toEqual([
      { title: 'dog', images: [1, 2] },
      { title: 'cat', images: [0] },
      { title: 'No category', images: [3] },
      { title: 'Errors', images: [4] },
    ]);
  });

  it('are called unsure below 20 %, each and together', () => {
    const texts = images.map((image) => imageText(image.name, image, outcomes.stateOf(image.index)));
    expect(texts).toEqual([
      'tabby 90.0 %, cat, 0.jpg',
      'pug 90.0 %, dog, 1.jpg',
      'Unsure, Chihuahua 10.0 %, dog, 2.jpg',
      'my own class 90.0 %, 3.jpg',
      'Not an image, 4.jpg',
    ]);
    expect(outcomes.warnings()).toEqual(['1 label with a score below 20 %: it is a guess.']);
  });
});
