import { useEffect, useState } from 'preact/hooks';
import { isTransientStatus, pauseMs } from '../service/retry.ts';
import { sleepUntilOnline } from '../service/sleep-until-online.ts';

/** After so many refusals, in a minute or more, there is no picture. */
const MAX_TRIES = 7;

interface Picture {
  /** Give it to the `<img>` as its key: another key loads the address again. */
  load: 'first' | 'again';
  /** The service is busy or does not respond. */
  isWaiting: boolean;
  /** There is no picture at this address. */
  isMissing: boolean;
  onError(): void;
}

type Stage = 'first' | 'waiting' | 'again' | 'missing';

/** A picture of the service. An `<img>` does not say why it failed, so the address is asked, and loaded again if that helps. */
export function usePicture(address: string | undefined): Picture {
  const [last, setLast] = useState<{ address: string | undefined; stage: Stage }>({
    address,
    stage: 'first',
  });
  const stage = last.address === address ? last.stage : 'first';
  const set = (next: Stage) => setLast({ address, stage: next });
  useEffect(() => {
    if (stage !== 'waiting' || address === undefined) return;
    const left = new AbortController();
    untilThere(address, left.signal).then(
      (isThere) => set(isThere ? 'again' : 'missing'),
      // It is not shown any more.
      () => {},
    );
    return () => left.abort();
  }, [address, stage]);
  return {
    load: stage === 'again' ? 'again' : 'first',
    isWaiting: stage === 'waiting',
    isMissing: stage === 'missing',
    onError: () => set(stage === 'first' ? 'waiting' : 'missing'),
  };
}

/** @returns whether the service has the picture, which the browser then keeps. @throws the signal's reason when it aborts */
async function untilThere(address: string, signal: AbortSignal): Promise<boolean> {
  for (let failures = 1; failures <= MAX_TRIES; failures++) {
    const response = await load(address, signal).catch(() => undefined);
    signal.throwIfAborted();
    if (response?.ok === true) return true;
    if (response !== undefined && !isTransientStatus(response.status)) return false;
    await sleepUntilOnline(pauseMs(failures, response?.headers.get('retry-after')), signal);
  }
  return false;
}

/** To its end: only then the browser keeps it. */
async function load(address: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(address, { signal });
  await response.arrayBuffer();
  return response;
}
