import { describe, expect, it } from 'vitest';
import { headOf, withWordNetIds } from '../../../../src/model/hub/config.ts';

const config = (changes: object) => ({
  architectures: ['ViTForImageClassification'],
  id2label: { 0: 'Katze', 1: '犬', 2: 'a, b' },
  ...changes,
});
const head = (changes: object) => headOf(config(changes), 'cats/config.json');
const labelled = (count: number, label: (id: number) => string) =>
  Object.fromEntries(Array.from({ length: count }, (_, id) => [id, label(id)]));

describe('the classes of a model in config.json', () => {
  it('have the labels of id2label in any language, in the order of their ids', () => {
    expect(head({})).toEqual({
      labels: [
        { wnid: '0', label: 'Katze' },
        { wnid: '1', label: '犬' },
        { wnid: '2', label: 'a, b' },
      ],
      activation: 'softmax',
    });
    const many = head({ id2label: labelled(21_843, (id) => `class ${id}`) }).labels;
    expect(many[10]?.label).toBe('class 10');
  });

  it('can be right together', () => {
    expect(head({ problem_type: 'multi_label_classification' }).activation).toBe('sigmoid');
  });

  it('are right or not if there is only one', () => {
    expect(head({ id2label: { 0: 'defect' } }).activation).toBe('sigmoid');
  });

  it.each<[object, string]>([
    [{ architectures: ['DetrForObjectDetection'] }, 'DetrForObjectDetection is not an image classifier.'],
    [{ architectures: undefined }, 'architectures is missing'],
    [{ problem_type: 'regression' }, 'problem_type regression is not supported.'],
    [{ num_channels: 1 }, 'the model takes images of 1 channels, not 3.'],
    [{ id2label: {} }, 'id2label has no label.'],
    [{ id2label: undefined }, 'id2label is missing, which names the classes.'],
    [{ id2label: { 0: 'a', 2: 'b' } }, 'id2label has 2 labels but none for class 1.'],
    [{ id2label: { 0: 'a', 1: ' ' } }, 'the label of class 1 is empty.'],
    [{ id2label: { 0: 'a'.repeat(1001) } }, 'the label of class 0 has more than 1000 characters.'],
    [{ id2label: labelled(100_000, String) }, 'id2label has 100000 labels; the limit is 30000.'],
  ])('are refused with the reason: %j', (changes, why) => {
    expect(() => head(changes)).toThrow(`cats/config.json: ${why}`);
  });

  it("get WordNet ids if they are ImageNet's", () => {
    const imageNet = [
      { wnid: 'n01440764', label: 'tench' },
      { wnid: 'n02123045', label: 'tabby' },
    ];
    const hub = ['tench, Tinca tinca', 'tabby, tabby cat'].map((label, id) => ({ wnid: String(id), label }));
    expect(withWordNetIds(hub, imageNet)).toEqual([
      { wnid: 'n01440764', label: 'tench, Tinca tinca' },
      { wnid: 'n02123045', label: 'tabby, tabby cat' },
    ]);
    expect(withWordNetIds(hub.toReversed(), imageNet)).toEqual(hub.toReversed());
    expect(withWordNetIds(hub, imageNet.slice(1))).toEqual(hub);
  });
});
