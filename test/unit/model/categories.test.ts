import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ClassLabel, ModelManifest } from '../../../src/core/model/model.ts';
import { categoriesOf, categoryOf } from '../../../src/model/categories.ts';
import { classifierDigest, effectOf } from '../../../src/model/folder.ts';

const read = (file: string) => readFileSync(path.join(import.meta.dirname, '../../..', file), 'utf8');
const imageNet: ClassLabel[] = JSON.parse(read('models/efficientnet-lite0/labels.json'));

describe('categories', () => {
  const found = categoriesOf(imageNet);
  const names = found?.names ?? [];

  it('contain each of the 1,000 classes of ImageNet, and each has some', () => {
    expect(found?.places).toHaveLength(1000);
    expect(new Set(found?.places).size).toBe(names.length);
  });

  it('are the words that the glossary lists', () => {
    const [, listed = ''] = /\n## Categories\n\n.*\n\n(.*)\n/.exec(read('docs/glossary.md')) ?? [];
    expect(listed.split(', ')).toEqual([...names].sort());
  });

  it.each([
    ['n02124075', 'Egyptian cat', 'cat'],
    ['n02129165', 'lion', 'big cat'],
    ['n02094433', 'Yorkshire terrier', 'dog'],
    ['n02091032', 'Italian greyhound', 'dog'],
    ['n02480855', 'gorilla', 'ape'],
    ['n02486410', 'baboon', 'monkey'],
    ['n01514859', 'hen', 'bird'],
    ['n02012849', 'crane', 'bird'],
    ['n03126707', 'crane', 'structure'],
    ['n01728572', 'thunder snake', 'reptile'],
    ['n02279972', 'monarch', 'insect'],
    ['n02930766', 'cab', 'car'],
    ['n03345487', 'fire engine', 'truck'],
    ['n04552348', 'warplane', 'aircraft'],
    ['n07873807', 'pizza', 'food'],
    ['n07753592', 'banana', 'fruit'],
    ['n04344873', 'studio couch', 'furniture'],
    ['n09428293', 'seashore', 'landscape'],
  ])('say of %s (%s): %s', (wnid, label, category) => {
    expect(imageNet).toContainEqual({ wnid, label });
    expect(categoryOf(wnid)).toBe(category);
  });

  it('are none for a model with a class of its own', () => {
    expect(categoriesOf([...imageNet, { wnid: 'n99999999', label: 'my cat' }])).toBeUndefined();
  });
});

it('are part of what identifies a classifier: images that were known without them are classified again', () => {
  const description = { manifest: { sha256: 'a'.repeat(64) } as ModelManifest, labels: imageNet };
  const { manifest, labels } = description;
  const before = hash('sha256', JSON.stringify(['1.0.0', manifest.sha256, effectOf(manifest), labels]));
  expect(classifierDigest(description, '1.0.0')).not.toBe(before);
});
