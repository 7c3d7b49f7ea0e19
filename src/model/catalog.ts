// Models that can be pulled by name: files of the ONNX Model Zoo, pinned by sha256.

import type { ModelManifest, ModelVariant, Preprocessing } from '../core/model/model.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

/** Where the ONNX Model Zoo has its files since July 2025. A mirror has the same paths below another URL. */
export const HUB_URL =
  'https://huggingface.co/onnxmodelzoo/legacy_models/resolve/main/validated/vision/classification/';

/** What a model is the right one for. Its accuracy and size stand beside it. */
const GOOD_FOR: Readonly<Record<string, string>> = {
  'efficientnet-lite0': 'speed',
  'efficientnet-lite4': 'accuracy',
  resnet50: 'comparison with published work',
};

/** By name; undefined if another model is better in each respect, or nothing is known. */
export const goodFor = (name: string): string | undefined => GOOD_FOR[name];

/** One file that contains the model. */
export interface PinnedFile {
  /** Below the hub's URL. */
  path: string;
  sha256: string;
  bytes: number;
}

export interface CatalogEntry {
  name: string;
  variant: ModelVariant;
  version: string;
  licence: string;
  /** The first one is pulled. The others contain the same model: earlier uploads, or another encoding. */
  files: readonly [PinnedFile, ...PinnedFile[]];
  preprocess: Preprocessing;
  activation: ModelManifest['activation'];
  accuracy?: NonNullable<ModelManifest['accuracy']>;
}

/** The recipe of nearly every ImageNet model. Measured on ResNet-50, other kernels lose 1 %, squashing loses 4 %. */
export const STANDARD_PREPROCESSING: Preprocessing = {
  resizeShortestSide: 256,
  cropSize: 224,
  kernel: 'linear',
  channelOrder: 'RGB',
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

const validation = (top1: number) => ({ dataset: 'ImageNet-1k validation, as published by the zoo', top1 });
const standard = {
  licence: 'Apache-2.0',
  preprocess: STANDARD_PREPROCESSING,
  activation: 'softmax',
} as const;

export const catalog: readonly CatalogEntry[] = [
  {
    ...standard,
    name: 'resnet50',
    variant: 'fp32',
    version: 'v1-12',
    files: [
      {
        path: 'resnet/model/resnet50-v1-12.onnx',
        sha256: '3f03fdef724b22947eed826f1eef1dc5c34151bb4c37d634f1db89dfa2dd1526',
        bytes: 102576593,
      },
      {
        path: 'resnet/model/resnet50-v1-12.onnx',
        sha256: 'ab65bdc02c5b3123eb3cdf6dac01742438517d8635d4f233913b2be1c70db3b6',
        bytes: 102576419,
      },
    ],
    accuracy: validation(0.7497),
  },
  {
    ...standard,
    name: 'resnet50',
    variant: 'int8',
    version: 'v1-12',
    // The zoo publishes 74.77 % top-1 for the -int8 file and 74.43 % for -qdq, so the first is pulled.
    files: [
      {
        path: 'resnet/model/resnet50-v1-12-int8.onnx',
        sha256: 'c234f30975989788b4405f25253275aae247ab6dbdd34aaa69ab0a59ff76f6d0',
        bytes: 25816052,
      },
      {
        path: 'resnet/model/resnet50-v1-12-int8.onnx',
        sha256: 'd1a4461aeaa1c7a639a89c806b51f3ad8c228cae0039d3cefd6c6ba406dcec37',
        bytes: 25815878,
      },
      {
        path: 'resnet/model/resnet50-v1-12-qdq.onnx',
        sha256: 'e6429d274805654c79ba68dc886c1efd4eff95393e747c35d3fdab579febd8a0',
        bytes: 25753167,
      },
    ],
    accuracy: validation(0.7477),
  },
  {
    ...standard,
    name: 'resnet18',
    variant: 'fp32',
    version: 'v1-7',
    files: [
      {
        path: 'resnet/model/resnet18-v1-7.onnx',
        sha256: '4e8f8653e7a2222b3904cc3fe8e304cd8b339ce1d05fd24688162f86fb6df52c',
        bytes: 46820737,
      },
    ],
    accuracy: validation(0.6993),
  },
  {
    ...standard,
    name: 'mobilenetv2',
    variant: 'fp32',
    version: '12',
    files: [
      {
        path: 'mobilenet/model/mobilenetv2-12.onnx',
        sha256: 'c0c3f76d93fa3fd6580652a45618618a220fced18babf65774ed169de0432ad5',
        bytes: 13964571,
      },
    ],
  },
  {
    name: 'efficientnet-lite4',
    variant: 'fp32',
    version: '11',
    licence: 'MIT',
    files: [
      {
        path: 'efficientnet-lite4/model/efficientnet-lite4-11.onnx',
        sha256: 'd111689907c06eea7c82e4833ddef758da6453b9d4cf60b7e99ca05c7cbd9c12',
        bytes: 51946641,
      },
    ],
    // A recipe of its own: (x - 127) / 128, interleaved input, probabilities as output.
    preprocess: {
      ...STANDARD_PREPROCESSING,
      mean: [127 / 255, 127 / 255, 127 / 255],
      std: [128 / 255, 128 / 255, 128 / 255],
    },
    activation: 'none',
    accuracy: validation(0.804),
  },
];

export const isInCatalog = (name: string): boolean => catalog.some((entry) => entry.name === name);

/** The entries of a name, one for each variant. @throws {ImgclsError} of kind `usage` if there are none. */
export function catalogEntries(name: string): CatalogEntry[] {
  const entries = catalog.filter((entry) => entry.name === name);
  if (entries.length > 0) return entries;
  const names = [...new Set(catalog.map((entry) => entry.name))].join(', ');
  throw new ImgclsError('usage', `Cannot pull a model named "${name}": it is not in the catalog.`, {
    hint: `The catalog has ${names}. Install any other ONNX classifier with "imgcls model import FILE".`,
  });
}

/** How to install a variant that is missing. */
export function howToGet(name: string, variant: ModelVariant): string {
  return catalog.some((entry) => entry.name === name && entry.variant === variant)
    ? `Run "imgcls model pull ${name} --variant ${variant}".`
    : `The catalog does not have it. Install a file that you have with "imgcls model import FILE --name ${name} --variant ${variant}", or choose another model ("imgcls model list").`;
}

/** The entry that has a file with this sha256. */
export function recognize(sha256: string): CatalogEntry | undefined {
  return catalog.find(({ files }) => files.some((file) => file.sha256 === sha256));
}
