// Translates the settings of an image processor (preprocessor_config.json of the Hugging Face Hub) into a recipe.
//
// It covers the processors in PROCESSORS, each with the defaults of its class in Python's transformers, which scales with
// Pillow. The "Fast" classes have the same settings. A setting that is not covered is refused by its name.

import * as z from 'zod';
import type { Preprocessing } from '../../core/model/model.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { firstIssue } from '../../core/runtime/versioned.ts';
import type { Target } from '../decode/placement.ts';
import {
  PROCESSOR_OF_MODEL,
  PROCESSORS,
  type Processor,
  type Settings,
  type Size,
  settings,
} from './processor-classes.ts';

export const PROCESSOR_FILE = 'preprocessor_config.json';

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
 * @param modelType of config.json, for a file that names no processor.
 * @param shownAs the file to name in errors.
 * @throws {ImgclsError} of kind `usage` that names the processor or the setting that is not covered.
 */
export function recipeOfProcessor(
  file: unknown,
  modelType: string | undefined,
  shownAs: string,
): Preprocessing {
  const refuse = (why: string) => new ImgclsError('usage', `${shownAs}: ${why}.`);
  const object = z.record(z.string(), z.unknown()).safeParse(file);
  if (!object.success) throw refuse('it is not an object');
  const processor = processorOf(object.data, modelType, refuse);
  const chosen = chosenSettings(object.data, processor, refuse);
  return { ...framing(chosen, processor, refuse), ...colours(chosen) };
}

type Refuse = (why: string) => ImgclsError;

function processorOf(
  file: Record<string, unknown>,
  modelType: string | undefined,
  refuse: Refuse,
): Processor {
  const byModel = new Map(Object.entries(PROCESSOR_OF_MODEL)).get(modelType ?? '');
  const type = file.image_processor_type ?? file.feature_extractor_type ?? byModel;
  if (typeof type !== 'string')
    throw refuse(
      `image_processor_type is missing, which says how to prepare images${modelType === undefined ? '' : `, and no processor is known for the model_type ${modelType}`}`,
    );
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
