// Image processors of Python's transformers: their settings, and the defaults of their classes.

import * as z from 'zod';

const side = z.int().min(1).max(4096);
const sizes = z.union([
  side,
  z.strictObject({ height: side, width: side }),
  z.strictObject({ shortest_edge: side }),
]);
export type Size = z.infer<typeof sizes>;
const colour = z.tuple([z.number(), z.number(), z.number()]);
const positive = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);

export const settings = z.object({
  do_resize: z.boolean(),
  size: sizes,
  resample: z.int(),
  /** The share of the scaled picture that the crop keeps. */
  crop_pct: z.number().gt(0).max(1).optional(),
  do_center_crop: z.boolean().optional(),
  crop_size: sizes.optional(),
  do_rescale: z.boolean().optional(),
  rescale_factor: z.number().positive().optional(),
  /** Subtracts 1 after rescaling. */
  rescale_offset: z.boolean().optional(),
  do_normalize: z.boolean().optional(),
  image_mean: colour.optional(),
  image_std: positive.optional(),
  /** Divides by `image_std` once more. */
  include_top: z.boolean().optional(),
  do_flip_channel_order: z.boolean().optional(),
});
export type Settings = z.infer<typeof settings>;

export interface Processor {
  /** Lists all settings that the class has. */
  defaults: Settings;
  /** What `size` means if it is a number. */
  plainSize: 'square' | 'shortest_edge';
}

const rescaled = { do_rescale: true, rescale_factor: 1 / 255 };
const HALF: [number, number, number] = [0.5, 0.5, 0.5];
const normalized = { do_normalize: true, image_mean: HALF, image_std: HALF };
const square = (length: number) => ({ height: length, width: length });
const resized = (size: Size, resample: number) => ({ do_resize: true, size, resample });
const cropped = (length: number) => ({ do_center_crop: true, crop_size: square(length) });
const [NEAREST, BILINEAR, BICUBIC] = [0, 2, 3];

const MOBILE_NET: Processor = {
  plainSize: 'shortest_edge',
  defaults: {
    ...resized({ shortest_edge: 256 }, BILINEAR),
    ...cropped(224),
    ...rescaled,
    ...normalized,
  },
};

const CLIP: Processor = {
  plainSize: 'shortest_edge',
  defaults: {
    ...resized({ shortest_edge: 224 }, BICUBIC),
    ...cropped(224),
    ...rescaled,
    do_normalize: true,
    image_mean: [0.48145466, 0.4578275, 0.40821073],
    image_std: [0.26862954, 0.26130258, 0.27577711],
  },
};

/** Scales to a square and crops that. */
const DEIT: Processor = {
  plainSize: 'square',
  defaults: {
    ...resized(square(256), BICUBIC),
    ...cropped(224),
    ...rescaled,
    ...normalized,
  },
};

/** By the name of the class without `ImageProcessor`, `ImageProcessorFast` or `FeatureExtractor`. */
export const PROCESSORS: Readonly<Record<string, Processor>> = {
  // ResNet has this one, too.
  ConvNext: {
    plainSize: 'shortest_edge',
    defaults: {
      ...resized({ shortest_edge: 384 }, BILINEAR),
      crop_pct: 224 / 256,
      ...rescaled,
      do_normalize: true,
      image_mean: [0.485, 0.456, 0.406],
      image_std: [0.229, 0.224, 0.225],
    },
  },
  // Swin has this one, too.
  ViT: {
    plainSize: 'square',
    defaults: {
      ...resized(square(224), BILINEAR),
      ...rescaled,
      ...normalized,
    },
  },
  DeiT: DEIT,
  Beit: DEIT,
  EfficientNet: {
    plainSize: 'square',
    defaults: {
      ...resized(square(346), NEAREST),
      ...cropped(289),
      do_center_crop: false,
      ...rescaled,
      rescale_offset: false,
      ...normalized,
      include_top: true,
    },
  },
  MobileNetV1: MOBILE_NET,
  MobileNetV2: MOBILE_NET,
  MobileViT: {
    plainSize: 'shortest_edge',
    defaults: {
      ...resized({ shortest_edge: 224 }, BILINEAR),
      ...cropped(256),
      ...rescaled,
      do_flip_channel_order: true,
    },
  },
  Siglip: {
    plainSize: 'square',
    defaults: {
      ...resized(square(224), BICUBIC),
      ...rescaled,
      ...normalized,
    },
  },
  CLIP,
  Bit: CLIP,
};

/** The processors of models whose preprocessor_config.json does not name one, by `model_type` of config.json. */
export const PROCESSOR_OF_MODEL: Readonly<Record<string, keyof typeof PROCESSORS>> = {
  beit: 'Beit',
  bit: 'Bit',
  clip: 'CLIP',
  convnext: 'ConvNext',
  convnextv2: 'ConvNext',
  cvt: 'ConvNext',
  'data2vec-vision': 'Beit',
  deit: 'DeiT',
  dinov2: 'Bit',
  efficientnet: 'EfficientNet',
  focalnet: 'Bit',
  mobilenet_v1: 'MobileNetV1',
  mobilenet_v2: 'MobileNetV2',
  mobilevit: 'MobileViT',
  mobilevitv2: 'MobileViT',
  regnet: 'ConvNext',
  resnet: 'ConvNext',
  siglip: 'Siglip',
  swiftformer: 'ViT',
  swin: 'ViT',
  swinv2: 'ViT',
  van: 'ConvNext',
  vit: 'ViT',
  vit_mae: 'ViT',
  vit_msn: 'ViT',
};
