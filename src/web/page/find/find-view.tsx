import '../styles/find.css';
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { CopyCurl } from '../controls/copy-curl.tsx';
import { SearchField } from '../controls/search-field.tsx';
import { Segments } from '../controls/segments.tsx';
import { counted } from '../format.ts';
import { query, replaceQuery, setTitle } from '../location.ts';
import { announce } from '../shell/live-region.tsx';
import { ErrorNotice } from '../shell/notice.tsx';
import { findPath, findQueryOf, MIN_SCORES, type MinScore } from './find-query.ts';
import { FoundPhotos } from './found-photos.tsx';
import { Search } from './search.ts';

/** A search starts when the typing pauses. Safari allows 100 changes of the address in 30 s. */
const PAUSE_MS = 300;
/** As the service takes them. */
const MAX_CHARACTERS = 200;
const EXAMPLES = ['dog', 'cat', 'bird', 'flower', 'food', 'car', 'boat', 'building'];
const scoreNames: Readonly<Record<MinScore, string>> = { '0': 'Any score', '0.5': '≥ 50 %', '0.8': '≥ 80 %' };

/** Searches the photos of all jobs by label and category. */
export function FindView() {
  const search = useMemo(() => new Search(), []);
  const asked = findQueryOf(query.value);
  const { words, minScore } = asked;
  const typed = useSignal(words);
  const pause = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(
    () => () => {
      clearTimeout(pause.current);
      search.close();
    },
    [],
  );
  useEffect(() => {
    if (typed.value.trim() !== words) typed.value = words;
    setTitle(words === '' ? 'Find photos' : `${words} · Find photos`);
    void search.start({ words, minScore });
  }, [words, minScore]);
  const page = search.page.value;
  useEffect(() => {
    if (page !== undefined) announce(`${counted(page.total, 'photo')} found.`);
  }, [page]);

  function type(value: string) {
    typed.value = value;
    clearTimeout(pause.current);
    pause.current = setTimeout(() => replaceQuery({ q: value.trim() }), PAUSE_MS);
  }

  return (
    <section class="find" aria-busy={search.isLoading.value}>
      <div class="view-head">
        <h1 tabIndex={-1}>Find photos</h1>
        {words !== '' && <CopyCurl path={findPath(asked, 0)} />}
      </div>
      <search class="find-form">
        <SearchField
          label="Label or category"
          placeholder="A label or category: dog, espresso, boat"
          maxLength={MAX_CHARACTERS}
          value={typed.value}
          onInput={type}
        />
        <Segments
          legend="Score"
          segments={MIN_SCORES.map((value) => ({ value, text: scoreNames[value] }))}
          chosen={minScore}
          onChoose={(value) => replaceQuery({ min: value === '0' ? undefined : value })}
        />
      </search>
      {search.failure.value !== undefined && <ErrorNotice error={search.failure.value} />}
      {words === '' ? (
        <Examples />
      ) : page?.total === 0 ? (
        <Nothing words={words} minScore={minScore} didYouMean={page.didYouMean} />
      ) : (
        <FoundPhotos search={search} />
      )}
    </section>
  );
}

const Examples = () => (
  <div class="empty">
    <p>Search the photos of all jobs. A category such as “dog” finds all its breeds.</p>
    <p class="examples">
      {EXAMPLES.map((word) => (
        <a key={word} class="button" href={`find?q=${word}`}>
          {word}
        </a>
      ))}
    </p>
  </div>
);

function Nothing({
  words,
  minScore,
  didYouMean,
}: {
  words: string;
  minScore: MinScore;
  didYouMean: string | undefined;
}) {
  return (
    <div class="empty">
      <p>
        No photos match “{words}”{minScore !== '0' && ` with a score of ${100 * Number(minScore)} % or more`}.
      </p>
      {didYouMean !== undefined && (
        <p>
          Did you mean <a href={`find?${new URLSearchParams({ q: didYouMean })}`}>{didYouMean}</a>?
        </p>
      )}
      {minScore !== '0' && (
        <button type="button" onClick={() => replaceQuery({ min: undefined })}>
          Show any score
        </button>
      )}
    </div>
  );
}
