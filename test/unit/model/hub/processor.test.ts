import { describe, expect, it } from 'vitest';
import { recipeOfProcessor } from '../../../../src/model/hub/processor.ts';

const recipeOf = (settings: object, modelType?: string) =>
  recipeOfProcessor(settings, modelType, 'cats/preprocessor_config.json');
const square = (side: number) => ({ height: side, width: side });

describe('the recipe of an image processor', () => {
  it.each<[string, object, object]>([
    [
      'ResNet-50 as published',
      {
        crop_pct: 0.875,
        do_normalize: true,
        do_resize: true,
        feature_extractor_type: 'ConvNextFeatureExtractor',
        image_mean: [0.485, 0.456, 0.406],
        image_std: [0.229, 0.224, 0.225],
        resample: 3,
        size: 224,
      },
      {
        fit: 'shortest-edge',
        resizeShortestSide: 256,
        cropSize: 224,
        kernel: 'cubic',
        mean: [0.485, 0.456, 0.406],
      },
    ],
    [
      'ConvNeXt of 384 pixels, which does not crop',
      { image_processor_type: 'ConvNextImageProcessor', size: { shortest_edge: 384 }, crop_pct: 0.95 },
      { fit: 'stretch', resizeShortestSide: 384, cropSize: 384, kernel: 'linear' },
    ],
    [
      'ViT with a plain size, which is a square',
      { feature_extractor_type: 'ViTFeatureExtractor', size: 224, resample: 2 },
      { fit: 'stretch', resizeShortestSide: 224, cropSize: 224, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    ],
    [
      'DeiT by the defaults of its class',
      { image_processor_type: 'DeiTImageProcessorFast' },
      { fit: 'stretch', resizeShortestSide: 256, cropSize: 224, kernel: 'cubic' },
    ],
    [
      'MobileNet with a plain size, which is the shortest edge',
      { image_processor_type: 'MobileNetV2ImageProcessor', size: 256, crop_size: 224, crop_pct: null },
      { fit: 'shortest-edge', resizeShortestSide: 256, cropSize: 224 },
    ],
    [
      'MobileViT with the old name of a setting',
      {
        feature_extractor_type: 'MobileViTFeatureExtractor',
        size: 288,
        crop_size: 256,
        do_flip_channels: true,
      },
      { channelOrder: 'BGR', resizeShortestSide: 288, cropSize: 256, mean: [0, 0, 0], std: [1, 1, 1] },
    ],
    [
      'EfficientNet, normalised to -1 to 1 and not again',
      {
        image_processor_type: 'EfficientNetImageProcessor',
        size: square(224),
        rescale_factor: 1 / 127.5,
        rescale_offset: true,
        do_normalize: false,
        include_top: false,
      },
      { kernel: 'nearest', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    ],
    [
      'values from 0 to 255',
      { image_processor_type: 'ViTImageProcessor', do_rescale: false, do_normalize: false },
      { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] },
    ],
  ])('%s', (_, settings, expected) => {
    expect(recipeOf(settings)).toMatchObject(expected);
  });

  it.each([
    ['vit', { fit: 'stretch', kernel: 'linear', mean: [0.5, 0.5, 0.5] }],
    ['swinv2', { fit: 'stretch', kernel: 'linear' }],
    ['convnextv2', { fit: 'shortest-edge', resizeShortestSide: 256, cropSize: 224 }],
    ['data2vec-vision', { fit: 'stretch', kernel: 'cubic', cropSize: 224 }],
  ])('is that of the type of model if the file names none: %s', (modelType, expected) => {
    const size = modelType === 'data2vec-vision' ? 256 : 224;
    expect(recipeOf({ size }, modelType)).toMatchObject(expected);
    expect(() => recipeOf({ size }, 'levit')).toThrow('no processor is known for the model_type levit.');
  });

  it.each<[object | unknown[], string]>([
    [[], 'it is not an object'],
    [{ size: 224 }, 'image_processor_type is missing, which says how to prepare images'],
    [
      { image_processor_type: 'YolosImageProcessor' },
      'the image processor YolosImageProcessor is not supported',
    ],
    [{ image_processor_type: 'constructor' }, 'the image processor constructor is not supported'],
    [
      { image_processor_type: 'ViTImageProcessor', do_pad: true },
      'the setting do_pad (true) is not supported',
    ],
    [{ image_processor_type: 'ViTImageProcessor', resample: 5 }, 'resample 5 is not supported'],
    [{ image_processor_type: 'ViTImageProcessor', do_resize: false }, 'do_resize is false'],
    [
      { image_processor_type: 'ViTImageProcessor', size: { height: 224, width: 256 } },
      'size 224 x 256 is not square',
    ],
    [
      { image_processor_type: 'ViTImageProcessor', size: { shortest_edge: 224 } },
      'size has only a shortest_edge',
    ],
    [{ image_processor_type: 'ViTImageProcessor', image_std: [0, 1, 1] }, 'wrong value: image_std'],
    [{ image_processor_type: 'ViTImageProcessor', size: { longest_edge: 224 } }, 'wrong value: size'],
    [
      { image_processor_type: 'ConvNextImageProcessor', size: { shortest_edge: 224, longest_edge: 448 } },
      'wrong value: size',
    ],
    [{ image_processor_type: 'ViTImageProcessor', size: [224, 224] }, 'wrong value: size'],
    [{ image_processor_type: 'ConvNextImageProcessor', size: square(224) }, 'size has no shortest_edge'],
    [
      {
        image_processor_type: 'MobileViTImageProcessor',
        size: { shortest_edge: 224 },
        crop_size: square(256),
      },
      'crop_size 256 is larger than size 224',
    ],
  ])('is refused with the name of the setting: %j', (settings, why) => {
    expect(() => recipeOf(settings)).toThrow(`cats/preprocessor_config.json: ${why}`);
  });
});
