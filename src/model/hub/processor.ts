// Translates the settings of an image processor (preprocessor_config.json of the Hugging Face Hub) into a recipe.
//
// It covers the processors in PROCESSORS, each with the defaults of its class in Python's transformers, which scales with
// Pillow. The "Fast" classes have the same settings. A setting that is not covered is refused by its name.

import * as z from 'zod';
import type { Preprocessing } from '../../core/model/model.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { firstIssue } from '../../core/runtime/versioned.ts';
import type { Target } from '../decode/placement.ts';

export const PROCESSOR_FILE = 'preprocessor_config.json';

const side = z.int().min(1).max(4096);
const sizes = z.union([side, z.object({ height: side, width: side }), z.object({ shortest_edge: side })]);
type Size = z.infer<typeof sizes>;
const colour = z.tuple([z.number(), z.number(), z.number()]);
const positive = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);

const settings = z.object({
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
type Settings = z.infer<typeof settings>;

interface Processor {
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
const PROCESSORS: Readonly<Record<string, Processor>> = {
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

/** Names that older versions wrote. */
const RENAMED: Readonly<Record<string, keyof Settings>> = { do_flip_channels: 'do_flip_channel_order' };

/** Settings that do not change what a model gets from a picture with three channels. */
const WITHOUT_EFFECT = new Set([
  ...['image_processor_type', 'feature_extractor_type', 'processor_class', 'auto_map', 'use_fast'],
  ...['_valid_processor_keys', 'return_tensors', 'device', 'disable_grouping', 'default_to_square'],
  ...['do_convert_rgb', 'data_format', 'input_data_format', 'do_reduce_labels', 'reduce_labels'],
]);

/** Numbers of Pillow. */
const KERNELS: Readonly<Record<number, Preprocessing['kernel']>> = {
  0: 'nearest',
  1: 'lanczos3',
  2: 'linear',
  3: 'cubic',
};

/**
 * @param file the parsed content.
 * @param shownAs the file to name in errors.
 * @throws {ImgclsError} of kind `usage` that names the processor or the setting that is not covered.
 */
export function recipeOfProcessor(file: unknown, shownAs: string): Preprocessing {
  const refuse = (why: string) => new ImgclsError('usage', `${shownAs}: ${why}.`);
  const object = z.record(z.string(), z.unknown()).safeParse(file);
  if (!object.success) throw refuse('it is not an object');
  const processor = processorOf(object.data, refuse);
  const chosen = chosenSettings(object.data, processor, refuse);
  return { ...framing(chosen, processor, refuse), ...colours(chosen) };
}

type Refuse = (why: string) => ImgclsError;

function processorOf(file: Record<string, unknown>, refuse: Refuse): Processor {
  const type = file.image_processor_type ?? file.feature_extractor_type;
  if (typeof type !== 'string')
    throw refuse('image_processor_type is missing, which says how to prepare images');
  const name = type.replace(/(ImageProcessor(Fast|Pil)?|FeatureExtractor)$/, '');
  const processor = Object.hasOwn(PROCESSORS, name) ? PROCESSORS[name] : undefined;
  if (processor === undefined)
    throw refuse(
      `the image processor ${type} is not supported, only those of ${Object.keys(PROCESSORS).join(', ')}`,
    );
  return processor;
}

function chosenSettings(file: Record<string, unknown>, { defaults }: Processor, refuse: Refuse): Settings {
  const own: Record<string, unknown> = {};
  for (const [written, value] of Object.entries(file)) {
    const name = RENAMED[written] ?? written;
    if (WITHOUT_EFFECT.has(name) || value === null) continue;
    if (name in defaults) own[name] = value;
    else if (value !== false)
      throw refuse(`the setting ${written} (${JSON.stringify(value)}) is not supported`);
  }
  const parsed = settings.safeParse({ ...defaults, ...own });
  if (!parsed.success) throw refuse(`wrong value: ${firstIssue(parsed.error)}`);
  return parsed.data;
}

/** From this size on, ConvNext scales to a square without cropping. */
const LEAST_STRETCHED = 384;

function framing(chosen: Settings, processor: Processor, refuse: Refuse): Target {
  if (!chosen.do_resize) throw refuse('do_resize is false, so images of any size would go into the model');
  const kernel = KERNELS[chosen.resample];
  if (kernel === undefined) throw refuse(`resample ${chosen.resample} is not supported, only 0, 1, 2 and 3`);
  const { fit, length } = scaled(chosen.size, processor.plainSize, refuse);
  if (chosen.crop_pct !== undefined) {
    if (fit === 'stretch') throw refuse('size has no shortest_edge');
    return length < LEAST_STRETCHED
      ? { fit, resizeShortestSide: Math.floor(length / chosen.crop_pct), cropSize: length, kernel }
      : { fit: 'stretch', resizeShortestSide: length, cropSize: length, kernel };
  }
  if (chosen.do_center_crop !== true || chosen.crop_size === undefined) {
    if (fit === 'stretch') return { fit, resizeShortestSide: length, cropSize: length, kernel };
    throw refuse('size has only a shortest_edge and do_center_crop is false, so images would not be square');
  }
  const crop = scaled(chosen.crop_size, 'square', refuse);
  if (crop.fit !== 'stretch') throw refuse('crop_size has no height and width');
  if (crop.length > length)
    throw refuse(`crop_size ${crop.length} is larger than size ${length}; a border would be added`);
  return { fit, resizeShortestSide: length, cropSize: crop.length, kernel };
}

function scaled(
  size: Size,
  plainSize: Processor['plainSize'],
  refuse: Refuse,
): { fit: 'stretch' | 'shortest-edge'; length: number } {
  if (typeof size === 'number')
    return { fit: plainSize === 'square' ? 'stretch' : 'shortest-edge', length: size };
  if ('shortest_edge' in size) return { fit: 'shortest-edge', length: size.shortest_edge };
  const { height, width } = size;
  if (height !== width) throw refuse(`size ${height} x ${width} is not square`);
  return { fit: 'stretch', length: height };
}

/** All steps are linear, so one mean and one deviation of values from 0 to 1 say the same. */
function colours(chosen: Settings): Pick<Preprocessing, 'channelOrder' | 'mean' | 'std'> {
  const {
    rescale_factor: factor = 1,
    image_mean: mean = [0, 0, 0],
    image_std: deviation = [1, 1, 1],
  } = chosen;
  const white = 255 * (chosen.do_rescale === true ? factor : 1);
  const offset = chosen.do_rescale === true && chosen.rescale_offset === true ? 1 : 0;
  const isNormalized = chosen.do_normalize === true;
  const meanOf = (channel: 0 | 1 | 2) => ((isNormalized ? mean[channel] : 0) + offset) / white;
  const stdOf = (channel: 0 | 1 | 2) =>
    ((isNormalized ? deviation[channel] : 1) * (chosen.include_top === true ? deviation[channel] : 1)) /
    white;
  return {
    channelOrder: chosen.do_flip_channel_order === true ? 'BGR' : 'RGB',
    mean: [meanOf(0), meanOf(1), meanOf(2)],
    std: [stdOf(0), stdOf(1), stdOf(2)],
  };
}
