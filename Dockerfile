# Built in one image, run from a small one: no compiler, no kernel headers, no package manager's caches.
FROM node:20-bookworm AS build
WORKDIR /topoprobe
COPY . .
RUN make build && npm prune --omit=dev --ignore-scripts

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /topoprobe
COPY --from=build /topoprobe/package.json ./
COPY --from=build /topoprobe/bin bin
COPY --from=build /topoprobe/build build
COPY --from=build /topoprobe/native native
COPY --from=build /topoprobe/node_modules node_modules
ENTRYPOINT ["node", "bin/topoprobe"]
CMD ["up"]
