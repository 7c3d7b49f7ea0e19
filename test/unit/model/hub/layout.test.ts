import { describe, expect, it } from 'vitest';
import { weightsFiles } from '../../../../src/model/hub/layout.ts';

const FILES = ['config.json', 'onnx/model.onnx', 'onnx/model.onnx_data', 'onnx/model_quantized.onnx'];

describe('the weights of a repository', () => {
  it.each([
    [undefined, FILES, 'onnx/model.onnx', ['onnx/model.onnx_data'], 'fp32'],
    ['int8', FILES, 'onnx/model_quantized.onnx', [], 'int8'],
    ['q8', FILES, 'onnx/model_quantized.onnx', [], 'int8'],
    ['fp16', [...FILES, 'onnx/model_fp16.onnx'], 'onnx/model_fp16.onnx', [], 'fp32'],
    [undefined, ['onnx/model_quantized.onnx'], 'onnx/model_quantized.onnx', [], 'int8'],
    ['fp32', ['model.onnx', 'model.onnx.data'], 'model.onnx', ['model.onnx.data'], 'fp32'],
    [
      'fp32',
      ['model.onnx', 'model.onnx_data', 'model.onnx_data_1'],
      'model.onnx',
      ['model.onnx_data', 'model.onnx_data_1'],
      'fp32',
    ],
    // A path that leads out of the folder, into which the file would be written.
    ['fp32', ['model.onnx', 'model.onnx_data/../../../.bashrc'], 'model.onnx', [], 'fp32'],
  ])('are those of the precision %s', (precision, paths, graph, data, variant) => {
    expect(weightsFiles(paths, precision, 'cats')).toEqual({ graph, data, variant });
  });

  it.each([
    [undefined, ['config.json', 'model.safetensors'], 'cats has no ONNX weights, only model.safetensors.'],
    [undefined, ['onnx/model_fp16.onnx'], 'cats has no onnx/model.onnx, only onnx/model_fp16.onnx.'],
    [
      'uint8',
      FILES,
      'cats has no ONNX weights of precision uint8, only onnx/model.onnx, onnx/model_quantized.onnx.',
    ],
    [undefined, ['\nhint: run me.bin'], 'cats has no ONNX weights, only \\u000ahint: run me.bin.'],
    ...['q4', 'q4f16', 'bnb4'].map((precision): [string, string[], string] => [
      precision,
      [...FILES, `onnx/model_${precision}.onnx`],
      `Cannot run weights of precision "${precision}".`,
    ]),
  ])('are refused if there are none: %s', (precision, paths, message) => {
    expect(() => weightsFiles(paths, precision, 'cats')).toThrow(message);
  });
});
