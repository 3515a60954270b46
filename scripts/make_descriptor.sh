#!/usr/bin/env bash
# Makes the descriptor that every episode carries from its .proto; needs Python 3 with grpcio-tools.
set -euo pipefail
cd "$(dirname "$0")/../src/demonstration/episode"
python3 -m grpc_tools.protoc -I. --descriptor_set_out=state.desc state.proto
