/** Small pictures of images for people, and the messages of the processes that make them. */
import type { ImageError } from './outcome.ts';

/** Longest side in pixels. A thumbnail is sharp on a card, a preview on a screen. */
export const PICTURE_PIXELS = { thumbnail: 320, preview: 2048 } as const;
export type PictureSize = keyof typeof PICTURE_PIXELS;

export interface PictureRequest {
  image: Uint8Array;
  longestSide: number;
}

/** A JPEG; or what is wrong with the image; or why this machine could not make one. */
export type PictureReply = { jpeg: Uint8Array } | { error: ImageError } | { fault: string };

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
