/**
 * A stand-in for a worker process. Its first argument says how it ends: `quick` exits with 0 at SIGTERM, `stubborn` ignores
 * SIGTERM, `crash` fails at once. It logs to standard output. SIGWINCH makes it fail: the system delivers it after all
 * SIGTERMs that were sent before.
 */
const [behaviour] = process.argv.slice(2);

if (behaviour === 'crash') {
  console.log('cannot load the model: out of luck');
  process.exit(3);
}
process.on('SIGTERM', () => {
  console.log('received SIGTERM');
  if (behaviour === 'quick') process.exit(0);
});
process.on('SIGWINCH', () => process.exit(4));
setInterval(() => {}, 60_000);
console.log('ready');
