import { crc32, inflateRawSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { controllerCode } from '../../../src/deploy/controller-code.ts';
import { zipOf } from '../../../src/deploy/zip.ts';

const FILES = [
  { name: 'index.mjs', bytes: Buffer.from('export const handler = () => "handled";\n'.repeat(100)) },
  { name: 'NOTICES.txt', bytes: Buffer.from('notices') },
];

it('an archive lists every file with its place, and holds its bytes', () => {
  const zip = zipOf(FILES);
  const end = zip.length - 22;
  expect(zip.toString('latin1', end, end + 4)).toBe('PK\x05\x06');
  expect(zip.readUInt16LE(end + 10)).toBe(FILES.length);
  let at = zip.readUInt32LE(end + 16);
  for (const { name, bytes } of FILES) {
    expect(zip.toString('latin1', at, at + 4)).toBe('PK\x01\x02');
    expect(zip.readUInt32LE(at + 16)).toBe(crc32(bytes));
    const [packed, unpacked] = [zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 24)];
    expect(unpacked).toBe(bytes.length);
    expect(zip.toString('latin1', at + 46, at + 46 + name.length)).toBe(name);
    const local = zip.readUInt32LE(at + 42);
    expect(zip.toString('latin1', local, local + 4)).toBe('PK\x03\x04');
    expect(zip.subarray(local + 4, local + 30)).toEqual(zip.subarray(at + 6, at + 32));
    const data = local + 30 + name.length;
    expect(inflateRawSync(zip.subarray(data, data + packed)).equals(bytes)).toBe(true);
    at += 46 + name.length;
  }
  expect(at).toBe(end);
});

it('the key of the code changes with the code alone', () => {
  const { key } = controllerCode(FILES);
  expect(key).toMatch(/^controller\/[0-9a-f]{64}\.zip$/);
  expect(controllerCode(FILES).key).toBe(key);
  expect(controllerCode([{ name: 'index.mjs', bytes: Buffer.from('other') }]).key).not.toBe(key);
});
