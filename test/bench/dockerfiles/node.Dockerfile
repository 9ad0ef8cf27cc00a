FROM node:22-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json ./
RUN --mount=type=cache,id=CACHE,target=/root/.npm \
    --mount=type=secret,id=npmrc,target=/run/npmrc --mount=type=secret,id=ca,target=/run/ca.pem \
    npm_config_userconfig=/run/npmrc NODE_EXTRA_CA_CERTS=/run/ca.pem npm ci --omit=dev
COPY . .
USER 1000
CMD ["node", "server.js"]
