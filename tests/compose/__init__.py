"""The stack of docker-compose.yml, built and run for real: `make test-compose`."""
