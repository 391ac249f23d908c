# syntax=docker/dockerfile:1

# The release binary; SQLite is compiled in.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package trialgate \
    && mkdir -p /out/data \
    && cp target/release/trialgate /out/trialgate

# The C library, the authorities of the Web, a user that is not root; no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/trialgate /usr/local/bin/trialgate
COPY --from=build --chown=65532:65532 /out/data /var/lib/trialgate
WORKDIR /var/lib/trialgate
USER 65532:65532
ENV TRIALGATE_HTTP__LISTEN=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/trialgate"]
CMD ["serve", "--config", "/etc/trialgate/trialgate.toml"]
