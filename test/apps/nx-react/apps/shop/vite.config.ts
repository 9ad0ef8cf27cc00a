import { defineConfig } from 'vite';
import react from '@vitejs/plugin-react';

export default defineConfig(() => ({
  root: __dirname,
  server: { port: 4200, host: 'localhost' },
  plugins: [react()],
  build: {
    outDir: '../../dist/apps/shop',
    emptyOutDir: true,
  },
}));
