/**
 * Lives and ends as a worker process does, by its first argument: `quick` ends well at SIGTERM, `stubborn` does not end
 * at it, `crash` ends with an error at once. Says so on standard output, which is its log. SIGWINCH makes it fail: the
 * system delivers it after all SIGTERMs that were sent before.
 */
const [manner] = process.argv.slice(2);

if (manner === 'crash') {
  console.log('cannot load the model: out of luck');
  process.exit(3);
}
process.on('SIGTERM', () => {
  console.log('told to end');
  if (manner === 'quick') process.exit(0);
});
process.on('SIGWINCH', () => process.exit(4));
setInterval(() => {}, 60_000);
console.log('ready');
