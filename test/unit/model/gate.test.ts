import { describe, expect, it } from 'vitest';
import type { ModelManifest } from '../../../src/core/model/model.ts';
import type { Evaluation } from '../../../src/model/evaluate.ts';
import { compareVariant, type GateResult } from '../../../src/model/gate.ts';
import { classesByName, truthOf } from '../../../src/model/labelled-images.ts';
import type { LibraryModel } from '../../../src/model/library.ts';
import { trusted } from '../../../src/model/select-model.ts';

const evaluation = (top1: number, digest = 'd'.repeat(64)): Evaluation => ({
  images: 100,
  top1,
  top5: 97,
  category: 95,
  predictions: [],
  failed: [],
  digest,
});
const compare = (variantTop1: number, referenceTop1: number) =>
  compareVariant(
    { sha256: 'a'.repeat(64), evaluation: evaluation(variantTop1) },
    { sha256: 'b'.repeat(64), evaluation: evaluation(referenceTop1) },
    { tolerance: 0.02, nowMs: 5 },
  );

describe('the accuracy gate', () => {
  it.each([
    [83, 83, true],
    [81, 83, true],
    [80, 83, false],
    [84, 83, true],
  ])('for %i of 100 right, fp32 %i: passed is %s', (top1, reference, passed) => {
    expect(compare(top1, reference)).toMatchObject({ passed, images: 100, atMs: 5 });
  });

  it('refuses to compare evaluations of different images', () => {
    const other = { sha256: 'b'.repeat(64), evaluation: evaluation(83, 'e'.repeat(64)) };
    expect(() =>
      compareVariant({ sha256: 'a'.repeat(64), evaluation: evaluation(83) }, other, {
        tolerance: 1,
        nowMs: 0,
      }),
    ).toThrow('images changed');
  });
});

describe('the true class of an image', () => {
  const classes = classesByName([
    { wnid: 'n02124075', label: 'Egyptian cat' },
    { wnid: 'n02012849', label: 'crane' },
    { wnid: 'n03126707', label: 'crane' },
  ]);
  it.each([
    ['n02124075_7.jpg', ['n02124075']],
    ['n02124075/a.jpg', ['n02124075']],
    ['Egyptian cat/a.jpg', ['n02124075']],
    ['photos/egyptian_cat/2024/a.jpg', ['n02124075']],
    ['crane/a.jpg', ['n02012849', 'n03126707']],
    ['crane/n02124075_7.jpg', ['n02012849', 'n03126707']],
    ['a.jpg', undefined],
    ['dogs/a.jpg', undefined],
    ['n021240750.jpg', undefined],
  ])('%s: %s', (path, truth) => {
    expect(truthOf(path, classes)).toEqual(truth);
  });

  it('is that of the label if a folder has the label of one class and the id of another', () => {
    const digits = classesByName(['1', '2'].map((label, id) => ({ wnid: String(id), label })));
    expect(truthOf('1/a.jpg', digits)).toEqual(['0']);
  });

  it('must be a class of the model', () => {
    expect(() => truthOf('n99999999_1.jpg', classes)).toThrow(
      'n99999999_1.jpg (n99999999) is not a class of the model',
    );
  });
});

describe('a variant that the user did not choose', () => {
  const model = (variant: 'fp32' | 'int8', more: Partial<LibraryModel> = {}) =>
    ({
      manifest: { name: 'mine', variant, sha256: '0'.repeat(64) } as ModelManifest,
      bundled: false,
      ...more,
    }) as LibraryModel;
  const gate = (passed: boolean) => ({ passed }) as GateResult;
  const chosen = (...models: LibraryModel[]) => trusted(models).map(({ manifest }) => manifest.variant);

  it('is trusted after it has passed the gate', () => {
    expect(chosen(model('fp32'), model('int8'))).toEqual(['fp32']);
    expect(chosen(model('fp32'), model('int8', { gate: gate(false) }))).toEqual(['fp32']);
    expect(chosen(model('fp32'), model('int8', { gate: gate(true) }))).toEqual(['fp32', 'int8']);
  });

  it('is trusted without an fp32 reference, and if it is bundled', () => {
    expect(chosen(model('int8'))).toEqual(['int8']);
    expect(chosen(model('fp32'), model('int8', { bundled: true }))).toEqual(['fp32', 'int8']);
    expect(chosen(model('fp32'), model('int8', { bundled: true, gate: gate(false) }))).toEqual(['fp32']);
  });
});
