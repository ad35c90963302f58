# docker build -t dokodemo .
# docker run -v ./dokodemo.toml:/etc/dokodemo/dokodemo.toml:ro -v dokodemo:/var/lib/dokodemo -p 25:25 -p 587:587 -p 465:465 dokodemo

FROM denoland/deno:debian-2.9.6 AS build
WORKDIR /build
COPY deno.json deno.lock ./
COPY backends backends
COPY src src
RUN deno task compile

FROM debian:12.11-slim
# Docker lets any user of a container bind ports below 1024.
RUN useradd --system --uid 925 --user-group --home-dir /var/lib/dokodemo --shell /usr/sbin/nologin dokodemo \
 && install --directory --owner=dokodemo --group=dokodemo --mode=0711 /var/lib/dokodemo
COPY --from=build /build/dist/dokodemo /usr/local/bin/dokodemo
COPY deploy/bin/sendmail deploy/bin/mailq deploy/bin/newaliases /usr/local/sbin/
USER dokodemo
WORKDIR /var/lib/dokodemo
VOLUME /var/lib/dokodemo
EXPOSE 25 587 465 8025
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s CMD ["dokodemo", "health"]
ENTRYPOINT ["dokodemo"]
CMD ["serve"]
