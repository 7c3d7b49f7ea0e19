/**
 * Frees the memory of bytes now. It is outside the garbage collector's heap, so much of it accumulates before the collector
 * runs. Bytes that share their memory with others, or whose memory is already freed, are left alone.
 */
export function freeBytes({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && !buffer.detached && buffer.byteLength === byteLength)
    buffer.transfer(0);
}
