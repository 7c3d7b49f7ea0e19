import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { precisionOf } from '../../../../src/model/onnx/precision.ts';
import { field } from '../../../integration/model/tiny-onnx.ts';

const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-precision-'));
afterAll(() => rm(folder, { recursive: true }));

const message = (...fields: Buffer[]) => Buffer.concat(fields);
const node = (operator: string, ...attributes: Buffer[]) =>
  field(1, message(field(3, 'DequantizeLinear'), field(4, operator), ...attributes));
const weights = (type: number) =>
  field(5, message(field(2, type), field(8, 'MatMulInteger'), field(9, Buffer.alloc(99))));
const model = (...graph: Buffer[]) =>
  message(field(1, 8), field(7, message(...graph)), field(8, field(2, 21)));

async function found(content: Buffer) {
  const file = path.join(folder, 'any.onnx');
  await writeFile(file, content);
  return precisionOf(file, 'cats.onnx');
}

describe('the precision of weights', () => {
  it.each<[string, Buffer, string, string | undefined]>([
    [
      'numbers of 32 bits, whatever nodes and weights are called',
      model(node('Conv'), weights(1)),
      'fp32',
      undefined,
    ],
    ['numbers of 16 bits, with which is computed in 32', model(node('Cast'), weights(10)), 'fp32', undefined],
    [
      'weights of 8 bits',
      model(weights(3), node('DequantizeLinear'), node('Conv')),
      'int8',
      'DequantizeLinear',
    ],
    ['values of 8 bits', model(node('MatMulInteger'), weights(2)), 'int8', 'MatMulInteger'],
    [
      'weights of 8 bits in a branch of the graph',
      model(node('If', field(5, message(field(1, 'then_branch'), field(6, node('QLinearConv')))))),
      'int8',
      'QLinearConv',
    ],
    [
      'weights of 8 bits in a function',
      message(model(node('MyBlock')), field(25, field(7, field(4, 'QLinearMatMul')))),
      'int8',
      'QLinearMatMul',
    ],
  ])('is read from the graph: %s', async (_, content, variant, operator) => {
    expect(await found(content)).toEqual({ variant, operator });
  });

  it.each([
    ['MatMulNBits', model(node('MatMulNBits'), weights(2))],
    ['int4', model(node('DequantizeLinear'), weights(22))],
  ])('is refused if it is of 4 bits (%s)', async (sign, content) => {
    await expect(found(content)).rejects.toThrow(
      `The weights cats.onnx are quantised in blocks, as those of 4 bits are (${sign}).`,
    );
  });

  it.each([
    ['is cut off', model(node('Conv')).subarray(0, 9)],
    ['is another one', Buffer.from('no protobuf')],
  ])('is not looked for in a file that %s', async (_, content) => {
    await expect(found(content)).rejects.toThrow(
      /^Cannot load cats\.onnx as a model: it is (cut off|damaged)\.$/,
    );
  });
});
