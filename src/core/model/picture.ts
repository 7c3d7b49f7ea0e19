/** Small pictures of images for people, and the messages of the processes that make them. */
import * as z from 'zod';
import { imageError } from './outcome.ts';

/** Longest side in pixels. A thumbnail is sharp on a card, a preview on a screen. */
export const PICTURE_PIXELS = { thumbnail: 320, preview: 2048 } as const;
export type PictureSize = keyof typeof PICTURE_PIXELS;

export interface PictureRequest {
  image: Uint8Array;
  longestSide: number;
}

/** As many as the pixels of a preview have: no JPEG of one is larger. */
const MAX_PICTURE_BYTES = 3 * PICTURE_PIXELS.preview ** 2;
/** Messages of decoders have a few lines. */
const MAX_MESSAGE_CHARACTERS = 10_000;

const message = z.string().max(MAX_MESSAGE_CHARACTERS);
const isJpeg = (bytes: unknown): boolean =>
  bytes instanceof Uint8Array &&
  bytes.byteLength <= MAX_PICTURE_BYTES &&
  bytes[0] === 0xff &&
  bytes[1] === 0xd8;

/**
 * A JPEG; or what is wrong with the image; or why this machine could not make one. It comes from a process that an image may
 * have taken over.
 */
export const pictureReply = z.union([
  z.object({ jpeg: z.custom<Uint8Array>(isJpeg) }),
  z.object({ error: imageError.extend({ message }) }),
  z.object({ fault: message }),
]);
export type PictureReply = z.infer<typeof pictureReply>;

/** Makes pictures of untrusted images outside of the process that asks. */
export interface PictureMaker {
  /**
   * Waits for a place among those who ask.
   * @param read called when it is this image's turn.
   * @param signal while the image waits, its abort rejects with its reason.
   */
  make(
    order: { longestSide: number; read(): Promise<Uint8Array> },
    signal: AbortSignal,
  ): Promise<PictureReply>;
  close(): void;
}
