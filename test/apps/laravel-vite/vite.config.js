import vue from '@vitejs/plugin-vue';
import laravel from 'laravel-vite-plugin';
import { defineConfig } from 'vite';

// See https://laravel.com/docs/11.x/deployment and https://laravel.com/docs/11.x/vite.
export default defineConfig({ plugins: [laravel(['resources/js/app.js']), vue()] });
