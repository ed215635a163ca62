ARG NODE_IMAGE=node:20-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
COPY scripts/stand-ins scripts/stand-ins
RUN npm ci
COPY tsconfig.json LICENSE ./
COPY src src
COPY storage-drivers storage-drivers
# What the npm package holds, without what only developers of its dependencies read. Some tell their license in the README alone.
RUN node_modules/.bin/tsc -p . --incremental false --sourceMap false \
    && mkdir package \
    && tar -xzf "$(npm pack --ignore-scripts --silent)" --strip-components=1 -C package \
    && find package/node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.cts' -o -name '*.mts' -o -iname 'changelog*' \) -delete \
    && find package/node_modules -type f -iname 'readme*' -execdir sh -c 'ls | grep -qiE "licen[cs]e|copying" && rm "$1"' sh {} \;
COPY docker/healthcheck.mjs package/docker/

FROM ${NODE_IMAGE}
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.title=Stackyard \
    org.opencontainers.image.description="A private container registry whose home is OpenStack Swift" \
    org.opencontainers.image.licenses=Apache-2.0 \
    org.opencontainers.image.version=${VERSION} \
    org.opencontainers.image.revision=${REVISION}
COPY --from=build /build/package /opt/stackyard
# For the filesystem driver: a volume mounted here belongs to the user below.
RUN install -d -o 10001 -g 10001 /var/lib/stackyard
WORKDIR /opt/stackyard
ENV NODE_ENV=production \
    STACKYARD_SERVER_HOST=0.0.0.0 \
    STACKYARD_STORAGE_FILESYSTEM_ROOT=/var/lib/stackyard \
    STACKYARD_AUTH_ADMIN_PASSWORD_FILE=/var/lib/stackyard/admin-password
USER 10001:10001
EXPOSE 5000
# Whether the process lives: a store that is away is told by /readyz, and no restart brings it back.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
    CMD ["node", "/opt/stackyard/docker/healthcheck.mjs"]
# As process 1 it ends on SIGTERM by itself, and its workers with it.
ENTRYPOINT ["node", "--min-semi-space-size=16", "--initial-old-space-size=96", "/opt/stackyard/dist/src/cli/stackyard.js"]
CMD ["serve"]
