#!/bin/bash
# Whether this container is ready. Without starting a Python every three seconds, which is 3 % of a core.
exec 3<>/dev/tcp/127.0.0.1/8080
printf 'GET /health/ready HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
read -r _ status _ <&3
[ "$status" = 200 ]
