# CPU image:                       docker build --target runtime --tag logpr .
# NVIDIA GPU image (linux/amd64):  docker build --target cuda --tag logpr:cuda .
#
# A tag can move. To pin the base images, pass a digest: docs/guides/deploy.md#pin-the-base-image.
ARG BASE_IMAGE=node:24-bookworm-slim
ARG CUDA_IMAGE=nvidia/cuda:13.0.1-runtime-ubuntu22.04

FROM ${BASE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
RUN node_modules/.bin/tsc -p tsconfig.json
# Removes the compiler, native libraries of other platforms, and packages that only browsers load.
RUN npm prune --omit=dev --ignore-scripts \
  && find node_modules/onnxruntime-node/bin/napi-v6 -mindepth 2 -maxdepth 2 -type d \
       ! -path "*/linux/$(node -p process.arch)" -exec rm -rf {} + \
  && rm -rf node_modules/onnxruntime-web node_modules/@img/sharp-wasm32 \
       node_modules/typescript node_modules/@typescript node_modules/@types node_modules/.bin

# The files of logpr, shared by both images.
FROM scratch AS files
COPY package.json /app/
COPY web /app/web
COPY models/logpr-tiny-en /app/models/logpr-tiny-en
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist

# Node.js and the system libraries that it and onnxruntime load: no shell, no package manager, no other program.
FROM build AS system
RUN mkdir -p -m 1777 /system/tmp \
  && mkdir -p /system/etc /system/home/node && chown node:node /system/home/node \
  && grep -E '^(root|node):' /etc/passwd | sed 's|:[^:]*$|:/nonexistent|' > /system/etc/passwd \
  && grep -E '^(root|node):' /etc/group > /system/etc/group \
  && find node_modules -name '*.node' -o -name '*.so' -o -name '*.so.*' | xargs ldd "$(command -v node)" \
       | awk '$2 == "=>" && $3 ~ "^/(usr/)?lib" { print $3 } $1 ~ "^/lib.*/ld-" { print $1 }' \
       | sort -u | xargs cp --dereference --parents --target-directory=/system \
  && cp --parents --target-directory=/system "$(command -v node)" /etc/nsswitch.conf /etc/os-release \
       /usr/share/doc/libc6/copyright /usr/share/doc/libgcc-s1/copyright /usr/share/doc/libstdc++6/copyright

# ORT_DISABLE_TELEMETRY: onnxruntime sends nothing home. NODE_OPTIONS: each process may use a quarter of the container's
# memory for its JavaScript heap; weights and passes are outside of the heap (docs/reference/memory.md).
FROM scratch AS runtime
COPY --from=system /system /
COPY --from=files /app /app
WORKDIR /app
ENV PATH=/usr/local/bin NODE_ENV=production LOGPR_HOST=0.0.0.0 ORT_DISABLE_TELEMETRY=1 \
  NODE_OPTIONS=--max-old-space-size-percentage=25
# Numeric, because Kubernetes cannot tell from a name that it is not root.
USER 1000:1000
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "const { LOGPR_MANAGEMENT_PORT: m, LOGPR_PORT: p } = process.env; fetch(`http://127.0.0.1:${+m || +p || 8080}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/src/main.js", "serve"]

# The npm package has no GPU provider libraries. The script downloads them from PyPI and verifies their SHA-256.
FROM build AS cuda-libraries
RUN apt-get update && apt-get install --yes --no-install-recommends python3-pip && rm -rf /var/lib/apt/lists/*
COPY scripts/install-cuda-provider.sh scripts/
RUN bash scripts/install-cuda-provider.sh

# The provider library of onnxruntime 1.30 is linked with CUDA 13: it needs cudart, cublas, cublasLt and curand. cuDNN is optional.
FROM ${CUDA_IMAGE} AS cuda
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=files /app /app
COPY --from=cuda-libraries /app/node_modules/onnxruntime-node/bin/napi-v6 /app/node_modules/onnxruntime-node/bin/napi-v6
WORKDIR /app
ENV NODE_ENV=production LOGPR_HOST=0.0.0.0 LOGPR_EXECUTION_PROVIDER=cuda ORT_DISABLE_TELEMETRY=1 \
  NODE_OPTIONS=--max-old-space-size-percentage=25
USER 1000:1000
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s --retries=3 \
  CMD ["node", "-e", "const { LOGPR_MANAGEMENT_PORT: m, LOGPR_PORT: p } = process.env; fetch(`http://127.0.0.1:${+m || +p || 8080}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/src/main.js", "serve"]

# The last stage is what `docker build` makes without --target.
FROM runtime
