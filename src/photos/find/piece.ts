/** The content of a piece of the search index. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { DamagedIndexError } from '../../core/cloud/search-index.ts';
import type { Place } from './place.ts';

/** Of the sha256, so that two different contents are never taken for equal. */
export const DIGEST_BYTES = 16;

/** A photograph with a prediction. */
export interface IndexedPhotograph {
  place: Place;
  /** In its job. */
  index: number;
  /** Equal for all outcomes of one file. */
  number: number;
  bytes: number;
  /** In hex; absent for objects that were read in place. */
  sha256: string | undefined;
  /** By their numbers in the job. */
  labels: readonly { label: number; score: number }[];
}

/** The records of a piece, in columns. */
export interface Records {
  /** The number of each photograph. */
  photographs: Float64Array;
  /** Record by record: a photograph by its place in the piece, one of its labels, and the score. */
  ofPhotograph: Uint32Array;
  labels: Uint32Array;
  scores: Float32Array;
}

/** 2: the number of an upload is that of its content. What has another format is made again, as if it were damaged. */
const FORMAT = 2;
/** The format, how many photographs, how many records; and nothing, so that the numbers begin at a multiple of 8. */
const HEAD_BYTES = 16;
const RECORD_BYTES = 12;

export function formatRecords(photographs: readonly IndexedPhotograph[]): Uint8Array {
  const records = photographs.flatMap(({ labels }, at) => labels.map((each) => ({ at, ...each })));
  const head = Uint32Array.of(FORMAT, photographs.length, records.length, 0);
  const columns = [
    head,
    Float64Array.from(photographs, ({ number }) => number),
    Uint32Array.from(records, ({ at }) => at),
    Uint32Array.from(records, ({ label }) => label),
    Float32Array.from(records, ({ score }) => score),
  ];
  return Buffer.concat(columns.map(({ buffer }) => Buffer.from(buffer)));
}

/** @throws {DamagedIndexError} */
export function parseRecords(bytes: Uint8Array): Records {
  // Columns of numbers must begin at multiples of their size.
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const head = byteLength < HEAD_BYTES ? [] : new Uint32Array(buffer, byteOffset, 3);
  const [format, photographs = 0, records = 0] = head;
  const start = byteOffset + HEAD_BYTES + 8 * photographs;
  if (format !== FORMAT || byteOffset + byteLength !== start + RECORD_BYTES * records)
    throw new DamagedIndexError();
  return {
    photographs: new Float64Array(buffer, byteOffset + HEAD_BYTES, photographs),
    ofPhotograph: new Uint32Array(buffer, start, records),
    labels: new Uint32Array(buffer, start + 4 * records, records),
    scores: new Float32Array(buffer, start + 8 * records, records),
  };
}

/** New ones go to the end, as their places are stored. */
const KINDS = ['file', 'object', 'upload', 'web'] as const;

/** What a piece has of each photograph besides its records, in columns, as their values are alike. */
interface Texts {
  kinds: number[];
  places: string[];
  bytes: number[];
  /** How much higher each index is than the one before: nearly always 1, which compresses to nothing. */
  steps: number[];
}

export function formatTexts(photographs: readonly IndexedPhotograph[]): Uint8Array {
  const texts: Texts = {
    kinds: photographs.map(({ place }) => KINDS.indexOf(place.kind)),
    places: photographs.map(({ place }) => place.at),
    bytes: photographs.map(({ bytes }) => bytes),
    steps: photographs.map(({ index }, at) => index - (photographs[at - 1]?.index ?? 0)),
  };
  return deflateRawSync(JSON.stringify(texts));
}

/** What is shown of a photograph. */
export interface PhotographText {
  place: Place;
  /** In its job. */
  index: number;
  bytes: number;
}

/** @throws {DamagedIndexError} */
export function parseTexts(bytes: Uint8Array): PhotographText[] {
  try {
    const texts = JSON.parse(inflateRawSync(bytes).toString()) as Texts;
    // Undefined in an index of an older imgcls, which throws as well.
    if (texts.steps.length !== texts.places.length) throw new DamagedIndexError();
    let index = 0;
    return texts.places.map((at, n) => {
      index += texts.steps[n] ?? 0;
      const place = { kind: KINDS[texts.kinds[n] ?? 0] ?? 'file', at };
      return { place, index, bytes: texts.bytes[n] ?? 0 };
    });
  } catch {
    throw new DamagedIndexError();
  }
}

export const formatDigests = (photographs: readonly IndexedPhotograph[]): Uint8Array =>
  Buffer.concat(
    photographs.map(({ sha256 = '' }) =>
      Buffer.concat([Buffer.from(sha256.slice(0, 2 * DIGEST_BYTES), 'hex')], DIGEST_BYTES),
    ),
  );
