# Built in one image, run from a small one: no compiler, no kernel headers, no package manager's caches. Node.js comes with the
# program, from npm: the images need none.
FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends make ca-certificates
WORKDIR /topoprobe
COPY . .
RUN make build && npm prune --omit=dev --include=optional --ignore-scripts && rm -r node_modules/node-linux-*/include

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libatomic1 libstdc++6 && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
WORKDIR /topoprobe
COPY --from=build /topoprobe/package.json ./
COPY --from=build /topoprobe/bin bin
COPY --from=build /topoprobe/build build
COPY --from=build /topoprobe/native native
COPY --from=build /topoprobe/node_modules node_modules
ENTRYPOINT ["/topoprobe/bin/topoprobe"]
CMD ["up"]
