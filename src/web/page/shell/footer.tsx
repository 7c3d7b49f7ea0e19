import { server } from '../service/server.ts';

/** What answers, and the ways to its details. */
export function Footer() {
  const about = server.value;
  if (about === undefined) return null;
  const { version, model, cloud, cluster } = about;
  return (
    <footer class="foot">
      <span>
        imgcls {version} · {model}
        {cloud === 'aws' && ` · ${cluster}`}
      </span>
      <nav aria-label="More">
        {cloud === 'local' && <a href="fleet">Workers</a>}
        <a href="docs">REST API</a>
      </nav>
    </footer>
  );
}
