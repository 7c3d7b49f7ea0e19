// Replies to pictures of one pixel, and dies of all others.
process.on('message', ({ longestSide }: { longestSide: number }) => {
  if (longestSide === 1) process.send?.({ jpeg: new Uint8Array(1) });
  else process.kill(process.pid, 'SIGSEGV');
});
