import { render } from 'preact';
import { startNavigation } from './location.ts';
import { loadServer } from './service/server.ts';
import { App } from './shell/app.tsx';
import { watchScrolling } from './shell/scrolling.ts';
import { startDrops } from './upload/drops.ts';

const root = document.querySelector('#page');
if (root === null) throw new Error('index.html has no element #page');
startNavigation();
startDrops();
watchScrolling();
render(<App />, root);
// After the requests of the view.
setTimeout(() => void loadServer(new AbortController().signal));
