# CPU image:                       docker build -t logpr .
# NVIDIA GPU image (linux/amd64):  docker build -t logpr:cuda --target cuda .

FROM node:24-bookworm-slim AS build
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

# The npm package has no GPU provider libraries. The script downloads them from PyPI and verifies their SHA-256.
FROM build AS cuda-libraries
RUN apt-get update && apt-get install --yes --no-install-recommends python3-pip && rm -rf /var/lib/apt/lists/*
COPY scripts/install-cuda-provider.sh scripts/
RUN bash scripts/install-cuda-provider.sh

# The provider library of onnxruntime 1.30 is linked with CUDA 13: it needs cudart, cublas, cublasLt and curand. cuDNN is optional.
FROM nvidia/cuda:13.0.1-runtime-ubuntu22.04 AS cuda
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=files /app /app
COPY --from=cuda-libraries /app/node_modules/onnxruntime-node/bin/napi-v6 /app/node_modules/onnxruntime-node/bin/napi-v6
WORKDIR /app
ENV NODE_ENV=production ORT_DISABLE_TELEMETRY=1 LOGPR_HOST=0.0.0.0 LOGPR_EXECUTION_PROVIDER=cuda
USER node
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.LOGPR_PORT || 8080}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/src/main.js", "serve"]

FROM node:24-bookworm-slim AS runtime
COPY --from=files /app /app
WORKDIR /app
ENV NODE_ENV=production ORT_DISABLE_TELEMETRY=1 LOGPR_HOST=0.0.0.0
USER node
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.LOGPR_PORT || 8080}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/src/main.js", "serve"]
