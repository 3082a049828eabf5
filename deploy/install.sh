#!/bin/sh
# Run a command that installs packages while an image is built. Both secrets are optional, and stay out of the image:
# `ca`, a certificate in PEM that a proxy or a private index needs; `pip`, a pip.conf, which may hold a password.
set -eu
if [ -s /run/secrets/ca ]; then
    export PIP_CERT=/run/secrets/ca REQUESTS_CA_BUNDLE=/run/secrets/ca NODE_EXTRA_CA_CERTS=/run/secrets/ca
fi
if [ -s /run/secrets/pip ]; then
    export PIP_CONFIG_FILE=/run/secrets/pip
fi
exec "$@"
