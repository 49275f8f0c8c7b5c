# The image of Sidepool: the sidecar and the controller on Node, and nothing else.
#
#   deploy/image/build sidepool:dev            builds it and prints its size
#   deploy/image/build --local sidepool:dev    the same, on bases made here, where none can be pulled
#
# Nothing in here depends on the day: the same commit and the same bases give the same layers.

# Node 26 with npm, and binutils, on the Debian release of the runtime image.
ARG BUILD_IMAGE=docker.io/library/node:26-trixie
# The C and C++ libraries and the certificate authorities; no shell and no package manager.
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian13

FROM ${BUILD_IMAGE} AS bundles
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# No scripts: what they would install is the `node` of a developer's machine, and the base has one.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY LICENSE tsconfig.json ./
COPY cmd cmd
COPY src src
COPY deploy deploy
RUN node deploy/bundle.ts && node deploy/image/licences.ts

FROM bundles AS files
ARG SOURCE_DATE_EPOCH=0
RUN deploy/image/collect /files

FROM ${RUNTIME_IMAGE}
# Two layers: Node's is large and stays the same for many releases, so an upgrade pulls the second alone.
COPY --from=files /files/node/ /
COPY --from=files /files/sidepool/ /
ARG VERSION=0.0.0-dev
LABEL org.opencontainers.image.title="Sidepool" \
      org.opencontainers.image.description="Warm, pooled upstream connections for the applications of a pod." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
# In this folder, `node sidepool.cjs` works for `kubectl exec` too.
WORKDIR /sidepool
# By number: kubelet cannot tell whether a name is root's (runAsNonRoot).
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/node", "/sidepool/sidepool.cjs"]
CMD ["--help"]
