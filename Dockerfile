# The digest of rust:1.95-slim-bookworm, sha256:… A tag is moved, a digest is not; without it the name of the image is
# incomplete and the build ends here. docs/supply-chain.md says how to get and check it.
ARG RUST_DIGEST

# The release binary; SQLite is compiled in. Beside it what it is linked to, and the authorities of the Web.
FROM rust:1.95-slim-bookworm@${RUST_DIGEST} AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package trialgate \
    && mkdir -p /out/usr/local/bin /out/var/lib/trialgate /out/tmp \
    && cp target/release/trialgate /out/usr/local/bin/ \
    && ldd target/release/trialgate | grep -o '/[^ ]*' | xargs cp --parents --dereference --target-directory /out \
    && cp --parents --dereference /etc/ssl/certs/ca-certificates.crt /out

# No shell, no package manager, and a user that is not root.
FROM scratch
COPY --from=build --chown=65532:65532 /out /
WORKDIR /var/lib/trialgate
USER 65532:65532
ENV TRIALGATE_HTTP__LISTEN=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/trialgate"]
CMD ["serve", "--config", "/etc/trialgate/trialgate.toml"]
