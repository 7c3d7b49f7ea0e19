/** `node --import`: SIGUSR2 makes the process meet an error that no code catches. */
process.on('SIGUSR2', () => void Promise.reject(new Error('nobody expected this')));
