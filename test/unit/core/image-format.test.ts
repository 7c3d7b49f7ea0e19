import { describe, expect, it } from 'vitest';
import { imageFormatOf } from '../../../src/core/model/image-format.ts';

const messageOf = (text: string | Buffer) => {
  const format = imageFormatOf(Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1'));
  return typeof format === 'string' ? format : `${format.code}: ${format.message}`;
};

describe('a file that is no image', () => {
  it.each([
    ['<!DOCTYPE html>\n<html><head><title>404</title>', 'an HTML page'],
    ['\n<!-- cached --><HTML>', 'an HTML page'],
    [
      '<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>',
      'an error message of S3, AccessDenied',
    ],
    ['<?xml version="1.0"?><feed/>', 'an XML file'],
    ['{"error": "not found"}', 'a JSON file'],
    ['error code: 502', 'a text'],
    [
      'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a',
      'a pointer to a file of Git LFS, which was not downloaded',
    ],
    ['PK\x03\x04\x14\0', 'a zip archive or an office document'],
    ['\x1f\x8b\x08', 'a gzip archive'],
    ['\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'a video'],
    ['\x1a\x45\xdf\xa3\x01', 'a Matroska or WebM video'],
    ['\0\x05\x16\x07\0\x02', 'a file of macOS beside another one'],
    [Buffer.alloc(5000), 'a file of zeros'],
    [Buffer.from([0xff, 0xd8, 0x00, 0x17, 0x80]), 'of an unknown kind'],
  ])('%j is named', (content, name) => {
    expect(messageOf(content)).toBe(`not_an_image: The file is ${name}, not an image.`);
  });

  it('is empty', () => {
    expect(messageOf('')).toBe('not_an_image: The file is empty.');
  });
});

describe('an image of a format that is not supported', () => {
  const tga = Buffer.alloc(100);
  tga.set([0, 0, 2], 0);
  tga.set([64, 0, 48, 0, 24], 12);
  const tgaWithFooter = Buffer.concat([Buffer.alloc(40, 1), Buffer.from('TRUEVISION-XFILE.\0')]);

  it.each([
    ['P6\n600 400\n255\n', 'PPM'],
    ['P2 # grey as text', 'PPM'],
    ['\xff\x0a\x10', 'JPEG XL'],
    ['\0\0\0\x0cjP  \r\n', 'JPEG 2000'],
    ['8BPS\0\x01', 'Photoshop'],
    ['\0\0\x01\0\x01\0', 'Windows icon'],
    ['\x0a\x05\x01\x08', 'PCX'],
    ['%PDF-1.7', 'PDF'],
    [tga, 'TGA'],
    [tgaWithFooter, 'TGA'],
  ])('%j is named', (content, name) => {
    expect(messageOf(content)).toBe(`unsupported_format: The file is ${name}, which is not supported.`);
  });
});
