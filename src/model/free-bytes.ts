/**
 * Gives the memory of bytes back now. It lies outside of the collector's heap, and much of it gathers before that runs.
 * Bytes that share their memory with others are left as they are, and so are those whose memory is gone.
 */
export function freeBytes({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && !buffer.detached && buffer.byteLength === byteLength)
    buffer.transfer(0);
}
