# Without the embedded PostgreSQL (`waybill dev`): an image runs serve, api or dispatch on DATABASE_URL.
FROM node:20-slim AS build
WORKDIR /waybill
COPY . .
RUN npm ci --ignore-scripts && npm run build -- packages/cli
# Again from the lockfile, with what the command needs to run and nothing else.
RUN rm -rf node_modules \
  && npm ci --ignore-scripts --omit=dev --omit=optional --workspace=waybill \
  && rm -rf packages/*/src apps/*/src

FROM node:20-slim
ENV NODE_ENV=production PATH=/waybill/node_modules/.bin:$PATH
COPY --from=build /waybill/package.json /waybill/package.json
COPY --from=build /waybill/node_modules /waybill/node_modules
COPY --from=build /waybill/packages /waybill/packages
COPY --from=build /waybill/apps /waybill/apps
USER node
EXPOSE 4800
ENTRYPOINT ["waybill"]
CMD ["serve"]
