#!/bin/sh
# The image that runs can install and build nothing.
set -eu
cd /opt/suizhuan
rm -rf bin/uv* bin/pip* bin/wheel* bin/hatch* lib/python3*/site-packages/pip lib/python3*/site-packages/pip-* \
       lib/python3*/site-packages/uv lib/python3*/site-packages/uv-* lib/python3*/site-packages/setuptools* \
       lib/python3*/site-packages/hatchling* lib/python3*/site-packages/pkg_resources
