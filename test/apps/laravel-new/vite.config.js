import { defineConfig } from 'vite';
import laravel from 'laravel-vite-plugin';
import tailwindcss from '@tailwindcss/vite';

// The layout that `laravel new` makes, as of https://laravel.com/docs/12.x/installation; its deployment is
// https://laravel.com/docs/12.x/deployment.
export default defineConfig({
    plugins: [
        laravel({ input: ['resources/css/app.css', 'resources/js/app.js'], refresh: true }),
        tailwindcss(),
    ],
});
