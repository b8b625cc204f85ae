/** Builds the dashboard (src/web) into build/web: plain files that the app serves, nothing fetched from elsewhere. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('src/web'),
  // Relative, so that the page also works below a path of a reverse proxy.
  base: './',
  publicDir: false,
  cacheDir: here('node_modules/.vite'),
  build: {
    outDir: here('build/web'),
    emptyOutDir: true,
    target: 'es2022',
    // Nothing is inlined as data: URLs, which `default-src 'self'` refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  worker: { format: 'es' },
});
