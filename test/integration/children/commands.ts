/** Runs one command line after the other, each as bin/imgcls.js would in a process of its own, and answers what it wrote. */
import { run } from '../../../src/cli/main.ts';

const exit = process.exit.bind(process);
process.once('disconnect', () => exit());
// A command that fails ends its process once everything is written.
process.exit = (() => {}) as typeof process.exit;

process.on('message', async (args: string[]) => {
  const stdout = collect(process.stdout);
  const stderr = collect(process.stderr);
  process.exitCode = undefined;
  await run(args);
  process.send?.({ code: process.exitCode ?? 0, stdout: stdout(), stderr: stderr() });
});

function collect(stream: NodeJS.WriteStream): () => string {
  let text = '';
  type Written = (error?: Error | null) => void;
  stream.write = (part: string | Uint8Array, ...[encoding, done]: [(string | Written)?, Written?]) => {
    text += typeof part === 'string' ? part : Buffer.from(part).toString();
    const written = typeof encoding === 'function' ? encoding : done;
    written?.();
    return true;
  };
  // Each command line adds one.
  stream.removeAllListeners('error');
  return () => text;
}
