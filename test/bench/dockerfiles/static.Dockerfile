FROM nginx:1-bookworm
COPY . /usr/share/nginx/html
