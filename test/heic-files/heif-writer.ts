// Writes HEIF files around coded pictures, such as no encoder writes: every orientation, and headers that lie.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Box, boxes, firstBox } from '../../src/model/decode/iso-media.ts';

export interface HeifItem {
  type: 'hvc1' | 'grid' | 'Exif';
  data: Buffer;
  /** Boxes, in the order in which they apply. */
  properties?: Buffer[];
  /** References to other items, which are numbered from 1. */
  references?: [type: string, to: number[]][];
}

export const u8 = (...values: number[]) => Buffer.from(values);
export const u16 = (value: number) => u8(value >>> 8, value & 255);
export const u32 = (value: number) => Buffer.concat([u16(value >>> 16), u16(value & 0xffff)]);

export function box(type: string, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([u32(8 + body.length), Buffer.from(type, 'latin1'), body]);
}

const fullBox = (type: string, version: number, ...content: Buffer[]) =>
  box(type, u32(version * 2 ** 24), ...content);

export const size = (width: number, height: number) => fullBox('ispe', 0, u32(width), u32(height));
/** Anticlockwise, in steps of 90 degrees. */
export const rotation = (steps: number) => box('irot', u8(steps));
/** Axis 0: top and bottom change places; 1: left and right. */
export const mirror = (axis: 0 | 1) => box('imir', u8(axis));
export const profile = (icc: Buffer) => box('colr', Buffer.from('prof'), icc);
/** A clean aperture, whose centre is so many pixels away from that of the picture. */
export const aperture = (width: number, height: number, right: number, down: number) =>
  box('clap', ...[width, height, right, down].flatMap((value) => [u32(value), u32(1)]));
export const grid = (rows: number, columns: number, width: number, height: number) =>
  Buffer.concat([u8(0, 1, rows - 1, columns - 1), u32(width), u32(height)]);

const propertiesOf = ({ properties = [] }: HeifItem) => properties;

/** A file whose primary image is the first item. */
export function heif(items: readonly HeifItem[], { brand = 'heic', before = [] as Buffer[] } = {}): Buffer {
  // libheif reads at most 100, so items share them.
  const properties = [
    ...new Map(items.flatMap(propertiesOf).map((box) => [box.toString('latin1'), box])).values(),
  ];
  const associations = items.map((item, index) => {
    const own = propertiesOf(item).map((box) => 1 + properties.findIndex((other) => other.equals(box)));
    // The highest bit: a reader must know the property.
    return Buffer.concat([u16(index + 1), u8(own.length), ...own.map((number) => u16(0x8000 | number))]);
  });
  const ipma = box('ipma', u32(1), u32(items.length), ...associations);
  const references = items.flatMap(({ references: own = [] }, index) =>
    own.map(([type, to]) => box(type, u16(index + 1), u16(to.length), ...to.map(u16))),
  );
  const head = Buffer.concat([box('ftyp', Buffer.from(`${brand}\0\0\0\0mif1${brand}`, 'latin1')), ...before]);
  const meta = (dataAt: number): Buffer => {
    let at = dataAt;
    const places = items.map(({ data }, index) => {
      const place = Buffer.concat([u16(index + 1), u16(0), u16(1), u32(at), u32(data.length)]);
      at += data.length;
      return place;
    });
    const infos = items.map(({ type }, index) =>
      fullBox('infe', 2, u16(index + 1), u16(0), Buffer.from(`${type}\0`)),
    );
    return fullBox(
      'meta',
      0,
      fullBox('hdlr', 0, u32(0), Buffer.from('pict'), Buffer.alloc(13)),
      fullBox('pitm', 0, u16(1)),
      fullBox('iloc', 0, u16(0x4400), u16(items.length), ...places),
      fullBox('iinf', 0, u16(items.length), ...infos),
      box('iprp', box('ipco', ...properties), ipma),
      ...(references.length === 0 ? [] : [fullBox('iref', 0, ...references)]),
    );
  };
  const dataAt = head.length + meta(0).length + 8;
  return Buffer.concat([head, meta(dataAt), box('mdat', ...items.map(({ data }) => data))]);
}

export const heicFile = (name: string): Buffer => readFileSync(path.join(import.meta.dirname, name));

/** The only picture of a file of this folder. */
export function codedPicture(file: Buffer): { data: Buffer; coding: Buffer } {
  const part = (span: Box) => file.subarray(span.from, span.to);
  const find = (type: string, within?: Box) => {
    const found = firstBox(file, type, within);
    if (found === undefined) throw new Error(`The file has no ${type}.`);
    return found;
  };
  const meta = find('meta');
  const ipco = find('ipco', find('iprp', { ...meta, from: meta.from + 4 }));
  const coding = [...boxes(file, ipco)].find(({ type }) => type === 'hvcC');
  if (coding === undefined) throw new Error('The file has no hvcC.');
  return { data: part(find('mdat')), coding: box('hvcC', part(coding)) };
}
