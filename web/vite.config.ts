// Build of the UI. `base: './'` keeps every asset URL relative, so that the server can put the whole
// UI under a path prefix by setting <base> in index.html alone.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// A running server to stand behind `npm run dev` and `vite preview`.
declare const process: { env: Record<string, string | undefined> };
const upstream = process.env['KW_WEB_BASE_URL'];

export default defineConfig({
  base: './',
  plugins: [react()],
  build: {
    target: 'es2023',
    sourcemap: false,
    assetsInlineLimit: 0, // the content security policy allows no data: scripts or fonts
    modulePreload: { polyfill: false },
  },
  worker: { format: 'es' },
  server: {
    host: '127.0.0.1',
    ...(upstream === undefined ? {} : { proxy: { '/api': upstream, '/-': upstream } }),
  },
  preview: {
    host: '127.0.0.1',
    ...(upstream === undefined ? {} : { proxy: { '/api': upstream, '/-': upstream } }),
  },
  test: { include: ['src/**/*.test.ts', 'src/**/*.test.tsx'], environment: 'node' },
});
