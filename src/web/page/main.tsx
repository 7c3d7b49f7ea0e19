import { render } from 'preact';
import { followLocation } from './location.ts';
import { meetServer } from './service/server.ts';
import { App } from './shell/app.tsx';

const place = document.querySelector('#page');
if (place === null) throw new Error('index.html has no place for the page');
followLocation();
render(<App />, place);
void meetServer(new AbortController().signal);
