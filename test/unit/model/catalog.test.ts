import { describe, expect, it } from 'vitest';
import { modelName, modelVariant, preprocessing, sha256Hex } from '../../../src/core/model/model.ts';
import { catalog, catalogEntries, HUB_URL, recognize } from '../../../src/model/catalog.ts';

describe('catalog', () => {
  it.each(catalog.map((entry) => [`${entry.name}/${entry.variant}`, entry] as const))(
    '%s is well formed',
    (_, entry) => {
      modelName.parse(entry.name);
      modelVariant.parse(entry.variant);
      preprocessing.parse(entry.preprocess);
      for (const { path, sha256, bytes } of entry.files) {
        sha256Hex.parse(sha256);
        expect(bytes).toBeGreaterThan(1e6);
        expect(new URL(path, HUB_URL).href).toMatch(/^https:\/\/huggingface\.co\/onnxmodelzoo\/.*\.onnx$/);
        expect(recognize(sha256)).toBe(entry);
      }
    },
  );

  it('has every variant of a name once', () => {
    const titles = catalog.map(({ name, variant }) => `${name}/${variant}`);
    expect(new Set(titles).size).toBe(titles.length);
    expect(catalogEntries('resnet50').map(({ variant }) => variant)).toEqual(['fp32', 'int8']);
  });

  it('prepares images for efficientnet-lite4 as (x - 127) / 128', () => {
    const [{ preprocess: recipe } = { preprocess: undefined }] = catalogEntries('efficientnet-lite4');
    expect(recipe).toBeDefined();
    const [mean = 0] = recipe?.mean ?? [];
    const [std = 1] = recipe?.std ?? [];
    for (const value of [0, 127, 255])
      expect((value / 255 - mean) / std).toBeCloseTo((value - 127) / 128, 10);
  });

  it('lists the known names when a name is unknown', () => {
    expect(() => catalogEntries('resnet5')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('resnet50') }),
    );
    expect(recognize('0'.repeat(64))).toBeUndefined();
  });
});
