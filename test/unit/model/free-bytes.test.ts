import sharp from 'sharp';
import { expect, it } from 'vitest';
import { freeBytes } from '../../../src/model/free-bytes.ts';

it('frees memory at once, also that of the decoder', async () => {
  const image = sharp({ create: { width: 4000, height: 4000, channels: 3, background: 'red' } });
  const pixels = await image.raw().toBuffer();
  const before = process.memoryUsage().external;
  freeBytes(pixels);
  expect(pixels.byteLength).toBe(0);
  expect(before - process.memoryUsage().external).toBeGreaterThan(40_000_000);
});

it('accepts bytes that are already freed', () => {
  const bytes = new Uint8Array(100);
  freeBytes(bytes);
  freeBytes(bytes);
  expect(bytes.byteLength).toBe(0);
});

it('does not free shared memory', () => {
  const whole = new Uint8Array(100).fill(7);
  freeBytes(whole.subarray(10));
  expect(whole.every((byte) => byte === 7)).toBe(true);
  expect(whole).toHaveLength(100);
});
