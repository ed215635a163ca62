ARG NODE_IMAGE=node:20-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json ./
COPY src src
COPY storage-drivers storage-drivers
RUN node_modules/.bin/tsc -p . --incremental false --sourceMap false && npm prune --omit=dev

FROM ${NODE_IMAGE}
WORKDIR /opt/stackyard
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY package.json LICENSE ./
# For the filesystem driver: a volume mounted here belongs to the user below.
RUN install -d -o 10001 -g 10001 /var/lib/stackyard
ENV NODE_ENV=production \
    STACKYARD_SERVER_HOST=0.0.0.0 \
    STACKYARD_STORAGE_FILESYSTEM_ROOT=/var/lib/stackyard \
    STACKYARD_AUTH_ADMIN_PASSWORD_FILE=/var/lib/stackyard/admin-password
USER 10001:10001
EXPOSE 5000
# Whether the process lives: a store that is away is told by /readyz, and no restart brings it back.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.STACKYARD_SERVER_PORT || 5000}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--min-semi-space-size=16", "--initial-old-space-size=96", "dist/src/cli/stackyard.js"]
CMD ["serve"]
